#include "report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/html.h"

namespace fftconv::tools {
namespace {

constexpr int kTop = 12, kBottom = 44;
constexpr double kLabelHeight = 14;

double place_on(const Axis& axis, double value) {
  if (!axis.log) return (value - axis.low) / (axis.high - axis.low);
  return std::log(value / axis.low) / std::log(axis.high / axis.low);
}

/// Where values lie in the view box.
struct Frame {
  const Plot& plot;
  double x(double value) const { return plot.left + place_on(plot.x, value) * (plot.width - plot.left - plot.right); }
  double y(double value) const {
    return plot.height - kBottom - place_on(plot.y, value) * (plot.height - kTop - kBottom);
  }
};

/// A marker as a subpath, some 7 units across.
std::string marker(int style, double x, double y) {
  switch (style % series_styles) {
    case 0:
      return fmt::format("M{:.1f} {:.1f}a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0z", x - 3.2, y);
    case 1:
      return fmt::format("M{:.1f} {:.1f}h6v6h-6z", x - 3, y - 3);
    case 2:
      return fmt::format("M{:.1f} {:.1f}l3.8 6.6h-7.6z", x, y - 4);
    case 3:
      return fmt::format("M{:.1f} {:.1f}l4.2 4.2l-4.2 4.2l-4.2 -4.2z", x, y - 4.2);
    case 4:
      return fmt::format("M{:.1f} {:.1f}l6.4 6.4m0 -6.4l-6.4 6.4", x - 3.2, y - 3.2);
    default:
      return fmt::format("M{:.1f} {:.1f}h8m-4 -4v8", x - 4, y);
  }
}

std::string polyline(const Frame& frame, const Series& series, const std::string& name) {
  std::string path;
  for (const auto& [x, y] : series.points) {
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", frame.x(x), frame.y(y));
  }
  return fmt::format("<path class=\"{}\" d=\"{}\"/>\n", name, path);
}

std::string axes(const Frame& frame) {
  const Plot& p = frame.plot;
  const double right = p.width - p.right, bottom = p.height - kBottom;
  std::string out;
  for (const Tick& tick : p.y.ticks) {
    const double y = frame.y(tick.value);
    out +=
        fmt::format("<path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text class=\"t e\" x=\"{}\" y=\"{:.1f}\">{}</text>\n",
                    p.left, y, right, p.left - 8, y + 4, escape(tick.label));
  }
  for (const Tick& tick : p.x.ticks) {
    const double x = frame.x(tick.value);
    out +=
        fmt::format("<path class=\"axis\" d=\"M{:.1f} {}v5\"/><text class=\"t m\" x=\"{:.1f}\" y=\"{}\">{}</text>\n",
                    x, bottom, x, bottom + 18, escape(tick.label));
  }
  out += fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/>\n", p.left, bottom, right);
  out += fmt::format("<text class=\"t e\" x=\"{}\" y=\"{}\">{}</text>\n", right, p.height - 6, escape(p.x.title));
  return out;
}

/// Names at the ends of lines, pushed apart where they would lie on each other.
std::string end_labels(const Frame& frame) {
  struct Label {
    double x, y;
    const Series* series;
  };
  std::vector<Label> labels;
  for (const Series& series : frame.plot.series) {
    if (!series.joined || series.points.empty()) continue;
    labels.push_back({frame.x(series.points.back().first), frame.y(series.points.back().second), &series});
  }
  std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.y < b.y; });
  for (std::size_t i = 1; i < labels.size(); ++i) labels[i].y = std::max(labels[i].y, labels[i - 1].y + kLabelHeight);
  double lowest = frame.plot.height - kBottom + 4;
  for (std::size_t i = labels.size(); i-- > 0; lowest -= kLabelHeight) labels[i].y = std::min(labels[i].y, lowest);
  std::string out;
  for (const Label& label : labels) {
    out += fmt::format("<text class=\"t f{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                       label.series->style % series_styles, label.x + 9, label.y + 4, escape(label.series->name));
  }
  return out;
}

}  // namespace

Axis log_axis(std::string title, double low, double high, const std::function<std::string(double)>& label) {
  Axis axis{.title = std::move(title), .low = low / 1.12, .high = high * 1.12, .log = true, .ticks = {}};
  if (axis.high / axis.low < 4) {  // room for at least one tick
    const double widen = std::sqrt(4 / (axis.high / axis.low));
    axis.low /= widen;
    axis.high *= widen;
  }
  const double decades = std::log10(axis.high / axis.low);
  const int step = std::max(1, static_cast<int>(std::ceil(decades / 8)));
  for (int power = static_cast<int>(std::floor(std::log10(axis.low))); std::pow(10.0, power) <= axis.high; ++power) {
    if (power % step != 0) continue;
    for (const double factor : {1.0, 1.5, 2.0, 3.0, 5.0, 7.0}) {
      const double value = factor * std::pow(10.0, power);
      const bool coarse = factor == 1.0 || factor == 2.0 || factor == 5.0;
      if ((factor > 1 && decades > 3) || (!coarse && decades > 1) || value < axis.low || value > axis.high) continue;
      axis.ticks.push_back({value, label(value)});
    }
  }
  return axis;
}

Axis length_axis(double low, double high) {
  Axis axis{.title = "length L, samples", .low = low / 1.12, .high = high * 1.12, .log = true, .ticks = {}};
  if (axis.high / axis.low < 3) {
    axis.low /= 1.6;
    axis.high *= 1.6;
  }
  const int step = std::log2(axis.high / axis.low) > 12 ? 2 : 1;
  for (int power = 0; power <= 40; power += step) {
    const double value = std::ldexp(1.0, power);
    if (value < axis.low || value > axis.high) continue;
    axis.ticks.push_back({value, power >= 20   ? fmt::format("{:.0f}M", std::ldexp(value, -20))
                                 : power >= 10 ? fmt::format("{:.0f}K", std::ldexp(value, -10))
                                               : fmt::format("{:.0f}", value)});
  }
  return axis;
}

Axis rows_axis(const std::vector<std::string>& names) {
  const double count = static_cast<double>(names.size());
  // Low and high exchanged: the first row stands at the top.
  Axis axis{.title = "", .low = count - 0.5, .high = -0.5, .log = false, .ticks = {}};
  for (std::size_t i = 0; i < names.size(); ++i) axis.ticks.push_back({static_cast<double>(i), names[i]});
  return axis;
}

std::string svg(const Plot& plot) {
  const Frame frame{plot};
  std::string out = fmt::format(
      "<svg id=\"{0}\" viewBox=\"0 0 {1} {2}\" width=\"{1}\" height=\"{2}\" role=\"img\" tabindex=\"0\" "
      "aria-labelledby=\"{0}-title {0}-desc\"><title id=\"{0}-title\">{3}</title><desc id=\"{0}-desc\">{4}</desc>\n",
      plot.id, plot.width, plot.height, escape(plot.title), escape(plot.description));
  out += axes(frame);
  for (const Series& guide : plot.guides) out += polyline(frame, guide, "guide");
  for (const Series& series : plot.series) {
    const int style = series.style % series_styles;
    if (series.joined) out += polyline(frame, series, fmt::format("line s{}", style));
    if (!series.markers) continue;
    std::string path;
    for (const auto& [x, y] : series.points) path += marker(style, frame.x(x), frame.y(y));
    out += fmt::format("<path class=\"mark s{}{}\" d=\"{}\"/>\n", style, series.joined ? "" : " loose", path);
  }
  return out + end_labels(frame) + "</svg>\n";
}

std::string legend(const std::vector<Series>& series) {
  std::string out = "<ul class=\"legend\">";
  for (const Series& one : series) {
    if (one.joined) continue;
    out += fmt::format(
        "<li><svg class=\"key\" viewBox=\"0 0 14 14\" width=\"14\" height=\"14\" aria-hidden=\"true\"><path "
        "class=\"mark "
        "s{}\" d=\"{}\"/></svg>{}</li>",
        one.style % series_styles, marker(one.style, 7, 7), escape(one.name));
  }
  return out + "</ul>\n";
}

}  // namespace fftconv::tools
