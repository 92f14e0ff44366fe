#include "search_details.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "table.h"

namespace fftconv::tools {
namespace {

constexpr const char* kLine = "  {:<12}{}\n";

std::string regret_text(const SearchSummary& summary) {
  if (!summary.regret) return "not known: no exhaustive search of this problem is complete";
  return fmt::format("{:.1f} %; of the model's first choice {}", 100 * *summary.regret,
                     summary.regret_of_first ? fmt::format("{:.1f} %", 100 * *summary.regret_of_first)
                                             : "not known: it failed, or was timed at another pace of the machine");
}

std::string outcome_text(const SearchSummary& summary) {
  std::string text = measured_text(summary.record);
  const std::pair<int, const char*> parts[] = {{summary.reused, "known before"},
                                               {summary.dropped, "left the race early"},
                                               {summary.failed, "failed"},
                                               {summary.untried, "could not be tried"}};
  for (const auto& [count, what] : parts) {
    if (count > 0) text += fmt::format(", {} {}", count, what);
  }
  return text;
}

}  // namespace

std::vector<std::pair<int, std::string>> refusals_of(const SearchRecord& record) {
  std::vector<std::pair<int, std::string>> refusals;
  std::istringstream lines(record.refused);
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    if (space != std::string::npos) refusals.emplace_back(std::atoi(line.c_str()), line.substr(space + 1));
  }
  return refusals;
}

// The plain default and a winner of a neighbouring problem are measured whether they are in the space or not.
std::string measured_text(const SearchRecord& record) {
  const int within = std::min(record.measured, record.candidates), beside = record.measured - within;
  return fmt::format("{} of {}{}", within, record.candidates, beside > 0 ? fmt::format(" + {}", beside) : "");
}

std::string search_details(const SearchSummary& summary) {
  const SearchRecord& record = summary.record;
  std::string text = to_string(summary.problem) + "\n";
  text += fmt::format(kLine, "candidates", record.candidates);
  const auto refusals = refusals_of(record);
  if (refusals.empty()) text += fmt::format(kLine, "refused", "none");
  for (const auto& [count, reason] : refusals) {
    text += fmt::format(kLine, "refused", fmt::format("{}: {}", count, reason));
  }
  text += fmt::format(kLine, "compiled", record.compiled);
  text += fmt::format(kLine, "measured", outcome_text(summary));
  text += fmt::format(kLine, "best",
                      summary.winner ? fmt::format("{}, {}", to_string(summary.winner->config),
                                                   show_seconds(summary.winner->measurement.median))
                                     : "none");
  return text + fmt::format(kLine, "regret", regret_text(summary));
}

}  // namespace fftconv::tools
