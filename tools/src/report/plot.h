// Charts as SVG. Colours and strokes come from the page's style sheet, by classes s0, s1 …; every series also has a
// marker and a dash of its own, so that nothing is told by colour alone.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace fftconv::tools {

struct Tick {
  double value = 0;
  std::string label;
};

struct Axis {
  std::string title;
  double low = 0, high = 1;  ///< of the values shown; above 0 where the axis is logarithmic
  bool log = true;
  std::vector<Tick> ticks;
};

/// A logarithmic axis around positive values, a little wider than they are, with ticks at 1, 2 and 5 times powers of
/// ten, at powers of ten alone over more than three decades, and at 1.5, 3 and 7 too within one.
Axis log_axis(std::string title, double low, double high, const std::function<std::string(double)>& label);
/// A logarithmic axis of lengths, ticks at powers of two ("4K").
Axis length_axis(double low, double high);
/// Rows 0 … names.size() - 1 from top to bottom.
Axis rows_axis(const std::vector<std::string>& names);

inline constexpr int series_styles = 6;

struct Series {
  std::string name;
  int style = 0;        ///< 0 … series_styles - 1: colour, marker and dash
  bool joined = false;  ///< by a line; labelled at its end
  bool markers = true;
  std::vector<std::pair<double, double>> points;
};

struct Plot {
  std::string id;           ///< of the element; letters, digits and hyphens
  std::string title;        ///< for who cannot see it
  std::string description;  ///< what it shows, in a sentence or two
  Axis x, y;
  std::vector<Series> guides;  ///< thin lines behind everything (style is passed over)
  std::vector<Series> series;
  int width = 720, height = 300;
  int left = 64, right = 132;  ///< margins, in units of the view box
};

/// One <svg>, focusable, named by its title and description.
std::string svg(const Plot& plot);
/// A line of marker and name for each series that is not labelled in the chart.
std::string legend(const std::vector<Series>& series);

}  // namespace fftconv::tools
