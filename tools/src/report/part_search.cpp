// How each problem was searched, and what an exhaustive search says of the model's first choice.
#include <fmt/format.h>

#include <algorithm>

#include "fftconv/statistics.h"
#include "report/html.h"
#include "report/parts.h"
#include "table.h"

namespace fftconv::tools {
namespace {

std::string regret_line(const Section& section) {
  std::vector<double> regrets;
  for (const ProblemResult& result : section.problems) {
    if (result.regret_of_first) regrets.push_back(*result.regret_of_first);
  }
  if (regrets.empty()) {
    return "<p>Regret is known where a problem was searched to the end: no exhaustive run of this device is "
           "complete. "
           "<span class=\"k\">fftconv-tune sweep --rigor exhaustive</span> makes one.</p>\n";
  }
  std::sort(regrets.begin(), regrets.end());
  return fmt::format(
      "<p>Regret of the model’s first choice, over {} problems searched to the end: median {}, worst {}. It says how "
      "much "
      "slower an application runs that takes the first choice without measuring. The winner of an exhaustive search "
      "has "
      "none.</p>\n",
      regrets.size(), percent_text(quantile_of_sorted(regrets, 0.5)), percent_text(regrets.back()));
}

}  // namespace

std::string search_part(const Section& section, const std::string& id) {
  std::string html = heading(id + "-search", "Search and regret") + regret_line(section);
  HtmlTable table{.caption = "Searches",
                  .columns = {{"problem"},
                              {"rigor"},
                              {"space", true},
                              {"compiled", true},
                              {"measured", true},
                              {"complete"},
                              {"regret of first choice", true},
                              {"first choice"}},
                  .rows = {}};
  for (const ProblemResult& result : section.problems) {
    if (!result.search) continue;
    const SearchRecord& s = *result.search;
    table.rows.push_back(
        {code(to_string(result.problem)), escape(s.rigor), fmt::format("{}", s.candidates),
         s.compiled > 0 ? fmt::format("{}", s.compiled) : "–", fmt::format("{}", s.measured),
         s.complete ? "yes" : "no",
         result.regret_of_first ? percent_text(*result.regret_of_first) : escape(result.why_no_regret),
         s.first.empty() ? "–" : code(s.first)});
  }
  if (table.rows.empty()) {
    html += "<p>No search is on record; exported lines hold trials alone.</p>\n";
  } else {
    html += table.rows.size() > open_rows ? folded_table(table) : table_html(table);
  }
  if (!section.refused.empty()) {
    HtmlTable refused{.caption = "Combinations that are not in the space, all searches together",
                      .columns = {{"reason"}, {"combinations", true}},
                      .rows = {}};
    for (const auto& [reason, count] : section.refused) {
      refused.rows.push_back({escape(reason), fmt::format("{}", count)});
    }
    html += refused.rows.size() > open_rows ? folded_table(refused) : table_html(refused);
  }
  return html;
}

}  // namespace fftconv::tools
