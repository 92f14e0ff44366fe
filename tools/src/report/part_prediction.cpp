// Predicted against measured.
#include <fmt/format.h>

#include <algorithm>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"
#include "table.h"

namespace fftconv::tools {
namespace {

constexpr std::size_t kPoints = 3000;  // more would make the page heavy and the cloud no clearer

}  // namespace

std::string prediction_part(const Section& section, const std::string& id) {
  std::string html = heading(id + "-predictions", "Predicted against measured");
  const std::vector<Prediction>& all = section.predictions;
  if (all.empty()) return html + "<p>No measured trial of this device holds a prediction.</p>\n";
  const std::size_t step = (all.size() + kPoints - 1) / kPoints;
  std::map<Strategy, Series> series;
  double low = 1e300, high = 0;
  for (std::size_t i = 0; i < all.size(); i += step) {
    const Prediction& p = all[i];
    low = std::min({low, p.predicted_s, p.measured_s}), high = std::max({high, p.predicted_s, p.measured_s});
    Series& one = series[p.strategy];
    one.name = to_string(p.strategy);
    one.style = static_cast<int>(p.strategy);
    one.points.emplace_back(p.predicted_s, p.measured_s);
  }
  Plot plot{.id = id + "-predictions-chart",
            .title = "Measured time against predicted time",
            .description = "A mark for each measured trial; on the middle guide the prediction was right.",
            .x = log_axis("predicted", low, high, show_seconds),
            .y = log_axis("measured", low, high, show_seconds),
            .guides = {},
            .series = {},
            .width = 560,
            .height = 440,
            .left = 76,
            .right = 24};
  for (const double factor : {0.5, 1.0, 2.0}) {
    const double from = std::max(plot.x.low, plot.y.low / factor), to = std::min(plot.x.high, plot.y.high / factor);
    if (from < to) plot.guides.push_back({.name = "", .points = {{from, factor * from}, {to, factor * to}}});
  }
  for (auto& [strategy, one] : series) plot.series.push_back(std::move(one));
  const std::string left_out = step > 1 ? fmt::format(" One trial in {} is drawn.", step) : "";
  html +=
      figure(svg(plot) + legend(plot.series),
             "Up: measured median. Dotted: measured equal to predicted, half of it and twice. Trials that left the "
             "race early are not counted, since their time is an estimate." +
                 left_out);
  const PredictionQuality& q = section.quality;
  return html + table_html({.caption = "Quality of the predictions",
                            .columns = {{"figure"}, {"value", true}},
                            .rows = {{"trials with a prediction", fmt::format("{}", all.size())},
                                     {"measured over predicted, median", fmt::format("{:.2f}", q.median_ratio)},
                                     {"the same, 5 % and 95 % quantile",
                                      fmt::format("{:.2f} … {:.2f}", q.low_ratio, q.high_ratio)},
                                     {"Spearman's rank correlation within a problem, mean",
                                      fmt::format("{:.2f}", q.rank_correlation)}}});
}

}  // namespace fftconv::tools
