// Where each order p and strategy wins.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"
#include "table.h"

namespace fftconv::tools {
namespace {

using Kind = std::pair<int, Strategy>;

std::string kind_text(const Kind& kind) { return fmt::format("p = {}, {}", kind.first, to_string(kind.second)); }

std::string chart(const Section& section, const std::set<Kind>& kinds, const std::string& id) {
  std::vector<std::string> names;
  std::vector<int> orders;
  for (const Kind& kind : kinds) {
    if (!orders.empty() && orders.back() == kind.first) continue;
    orders.push_back(kind.first);
    names.push_back(fmt::format("p = {}", kind.first));
  }
  std::map<Strategy, Series> series;
  double shortest = 1e300, longest = 0;
  std::map<std::pair<double, int>, int> taken;
  for (const ProblemResult& result : section.problems) {
    if (result.contests.empty()) continue;
    const Contest& first = result.contests.front();
    const double x = static_cast<double>(result.problem.seqlen);
    shortest = std::min(shortest, x), longest = std::max(longest, x);
    Series& one = series[first.strategy];
    one.name = to_string(first.strategy);
    one.style = static_cast<int>(first.strategy);
    const auto row = std::find(orders.begin(), orders.end(), first.order) - orders.begin();
    // Winners of the same length and order stand beside each other in their row.
    const int before = taken[{x, first.order}]++;
    const int steps = (before + 1) / 2;
    const double shift = (before % 2 == 0 ? 0.14 : -0.14) * steps;
    one.points.emplace_back(x, static_cast<double>(row) + std::clamp(shift, -0.42, 0.42));
  }
  if (series.empty()) return {};
  std::vector<Series> all;
  for (auto& [strategy, one] : series) all.push_back(std::move(one));
  const Plot plot{.id = id,
                  .title = "Order and strategy of the winner by length",
                  .description = "A mark for each problem. The table that follows has the times of all others.",
                  .x = length_axis(shortest, longest),
                  .y = rows_axis(names),
                  .guides = {},
                  .series = all,
                  .height = 60 + 34 * static_cast<int>(names.size()),
                  .right = 24};
  return figure(svg(plot) + legend(all),
                "One mark for each problem, in the row of the order p of its fastest kernel. "
                "The marker tells the strategy.");
}

}  // namespace

std::string contest_part(const Section& section, const std::string& id) {
  std::string html = heading(id + "-orders", "Where each order and strategy wins");
  std::set<Kind> kinds;
  std::map<Kind, int> wins, entered;
  for (const ProblemResult& result : section.problems) {
    for (const Contest& contest : result.contests) {
      kinds.insert({contest.order, contest.strategy});
      ++entered[{contest.order, contest.strategy}];
    }
    if (!result.contests.empty()) ++wins[{result.contests.front().order, result.contests.front().strategy}];
  }
  if (kinds.empty()) return html + "<p>No candidate was measured.</p>\n";
  html += chart(section, kinds, id + "-orders-chart");
  HtmlTable summary{.caption = "Problems won",
                    .columns = {{"order and strategy"}, {"won", true}, {"of those it was measured for", true}},
                    .rows = {}};
  for (const Kind& kind : kinds) {
    summary.rows.push_back({kind_text(kind), fmt::format("{}", wins[kind]), fmt::format("{}", entered[kind])});
  }
  html += table_html(summary);
  HtmlTable table{.caption = "Best time of each order and strategy over the best of all; the winner in bold",
                  .columns = {{"problem"}, {"best", true}},
                  .rows = {}};
  for (const Kind& kind : kinds) table.columns.push_back({kind_text(kind), true});
  for (const ProblemResult& result : section.problems) {
    if (result.contests.empty()) continue;
    const Contest& first = result.contests.front();
    std::vector<std::string> row{code(to_string(result.problem)), show_seconds(first.seconds)};
    for (const Kind& kind : kinds) {
      const auto found = std::find_if(result.contests.begin(), result.contests.end(), [&](const Contest& c) {
        return Kind{c.order, c.strategy} == kind;
      });
      const bool won = found == result.contests.begin();
      row.push_back(found == result.contests.end() ? "–"
                    : won                          ? "<strong>1.00 ●</strong>"
                                                   : fmt::format("{:.2f}", found->seconds / first.seconds));
    }
    table.rows.push_back(std::move(row));
  }
  return html + (table.rows.size() > open_rows ? folded_table(table) : table_html(table));
}

}  // namespace fftconv::tools
