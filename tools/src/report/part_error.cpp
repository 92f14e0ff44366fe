// Error by precision, as a share of what the precision class allows.
#include <fmt/format.h>

#include <algorithm>

#include "fftconv/statistics.h"
#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"
#include "table.h"

namespace fftconv::tools {
namespace {

constexpr std::size_t kPoints = 600;  // of a group

/// Spreads the marks of a row over its height, the same way each time: multiples of the golden ratio.
double spread(std::size_t i) {
  const double turns = 0.6180339887498949 * static_cast<double>(i + 1);
  return 0.6 * (turns - static_cast<double>(static_cast<long long>(turns)) - 0.5);
}

std::string chart(const Section& section, const std::string& id) {
  std::vector<std::string> names;
  Series marks{.name = "trial", .style = 0, .points = {}};
  Plot plot{.id = id,
            .title = "Error over budget by precision",
            .description = "A mark for each trial whose output was checked; at 1 the error is all that is allowed.",
            .x = {},
            .y = {},
            .guides = {},
            .series = {},
            .left = 196,
            .right = 24};
  double low = 1, high = 1;
  for (const ErrorGroup& group : section.errors) {
    const std::size_t step = (group.of_budget.size() + kPoints - 1) / kPoints;
    for (std::size_t i = 0; i < group.of_budget.size(); i += std::max<std::size_t>(step, 1)) {
      const double share = std::max(group.of_budget[i], 1e-6);
      low = std::min(low, share), high = std::max(high, share);
      marks.points.emplace_back(share, static_cast<double>(names.size()) + spread(i));
    }
    names.push_back(group.name);
  }
  const double rows = static_cast<double>(names.size());
  plot.x = log_axis("error over budget", low, high, [](double value) { return fmt::format("{:g}", value); });
  plot.y = rows_axis(names);
  plot.guides = {{.name = "", .points = {{1, -0.5}, {1, rows - 0.5}}}};
  plot.series = {marks};
  plot.height = 60 + 56 * static_cast<int>(names.size());
  return svg(plot);
}

}  // namespace

std::string error_part(const Section& section, const std::string& id) {
  std::string html = heading(id + "-errors", "Error by precision");
  if (section.errors.empty()) return html + "<p>No output was compared with fp64.</p>\n";
  html +=
      figure(chart(section, id + "-errors-chart"),
             "Relative L2 error against fp64 over the error that the precision class allows, a mark for each trial "
             "(600 of a row at most). The dotted line is the budget: what lies beyond it counts as wrong.");
  HtmlTable table{.caption = "Relative L2 errors against fp64",
                  .columns = {{"precision"},
                              {"trials", true},
                              {"median", true},
                              {"95 %", true},
                              {"largest", true},
                              {"largest over budget", true},
                              {"over budget", true},
                              {"not finite", true}},
                  .rows = {}};
  for (const ErrorGroup& group : section.errors) {
    const bool none = group.errors.empty();
    table.rows.push_back({escape(group.name), fmt::format("{}", group.errors.size() + group.not_finite),
                          none ? "–" : show_error(quantile_of_sorted(group.errors, 0.5)),
                          none ? "–" : show_error(quantile_of_sorted(group.errors, 0.95)),
                          none ? "–" : show_error(group.errors.back()),
                          none ? "–" : fmt::format("{:.3g}", group.of_budget.back()), fmt::format("{}", group.over),
                          fmt::format("{}", group.not_finite)});
  }
  return html + table_html(table);
}

}  // namespace fftconv::tools
