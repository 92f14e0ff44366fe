#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "fftconv/capture.h"

namespace fftconv {
namespace {

constexpr std::string_view kFirstLine = "# fftconv capture 1";

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

void sort_by_use(std::vector<CapturedProblem>& problems) {
  std::ranges::sort(problems, [](const CapturedProblem& a, const CapturedProblem& b) {
    if (a.executions != b.executions) return a.executions > b.executions;
    if (a.requests != b.requests) return a.requests > b.requests;
    return to_string(a.problem) < to_string(b.problem);
  });
}

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(word.size());
  return word;
}

bool parse_count(std::string_view word, std::uint64_t& count) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), count);
  return error == std::errc{} && end == word.data() + word.size();
}

Result<CapturedProblem> parse_line(std::string_view line) {
  CapturedProblem captured;
  if (!parse_count(next_word(line), captured.executions) || !parse_count(next_word(line), captured.requests)) {
    return invalid("it does not begin with two counts");
  }
  auto problem = parse_problem(next_word(line));
  if (!problem) return problem.error();
  if (Result<void> valid = validate(*problem); !valid) return valid.error();
  if (!next_word(line).empty()) return invalid("something follows the problem");
  captured.problem = *problem;
  return captured;
}

}  // namespace

std::string capture_text(std::vector<CapturedProblem> problems) {
  sort_by_use(problems);
  std::string text = fmt::format("{}: executions, plans asked for, problem\n", kFirstLine);
  for (const CapturedProblem& captured : problems) {
    text += fmt::format("{} {} {}\n", captured.executions, captured.requests, to_string(captured.problem));
  }
  return text;
}

Result<std::vector<CapturedProblem>> parse_capture(std::string_view text) {
  std::vector<CapturedProblem> problems;
  std::unordered_map<Problem, std::size_t> places;
  if (!text.empty() && !text.starts_with(kFirstLine)) {
    return Error{ErrorCode::damaged, fmt::format("line 1 is not '{}': this is no capture", kFirstLine)};
  }
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    if (line.empty() || line.front() == '#') continue;
    const Result<CapturedProblem> parsed = parse_line(line);
    if (!parsed) return Error{ErrorCode::damaged, fmt::format("line {}: {}", number, parsed.error().message)};
    const auto [place, added] = places.emplace(parsed->problem, problems.size());
    if (added) {
      problems.push_back(*parsed);
      continue;
    }
    CapturedProblem& known = problems[place->second];
    known.executions = saturating_add(known.executions, parsed->executions);
    known.requests = saturating_add(known.requests, parsed->requests);
  }
  sort_by_use(problems);
  return problems;
}

}  // namespace fftconv
