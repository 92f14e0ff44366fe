// Speed against the floor and the peers, by length.
#include <fmt/format.h>

#include <algorithm>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"
#include "table.h"

namespace fftconv::tools {
namespace {

constexpr std::size_t kCharts = 12;

double per_sample(double seconds, const ProblemResult& result) {
  return seconds / static_cast<double>(result.elements());
}

double length(const ProblemResult& result) { return static_cast<double>(result.problem.seqlen); }

/// Winner, floor and each peer; those without a point left out.
std::vector<Series> lines_of(const Section& section, const Family& family) {
  Series own{.name = "fftconv", .style = 0, .joined = true, .points = {}};
  Series floor{.name = "floor", .style = 2, .joined = true, .markers = false, .points = {}};
  std::map<std::string, Series> peers;
  for (const std::size_t place : family.problems) {
    const ProblemResult& result = section.problems[place];
    const double x = length(result);
    if (result.winner) own.points.emplace_back(x, per_sample(result.winner->measurement.median, result));
    if (result.floor_s > 0) floor.points.emplace_back(x, per_sample(result.floor_s, result));
    for (const PeerTime& peer : result.peers) {
      if (peer.seconds > 0) peers[peer.name].points.emplace_back(x, per_sample(peer.seconds, result));
    }
  }
  std::vector<Series> lines{own, floor};
  constexpr int kPeerStyles[] = {1, 3, 4, 5};
  for (auto& [name, series] : peers) {
    series.name = name;
    series.joined = true;
    series.style = kPeerStyles[(lines.size() - 2) % 4];
    lines.push_back(series);
  }
  std::erase_if(lines, [](const Series& series) { return series.points.empty(); });
  for (Series& series : lines) std::stable_sort(series.points.begin(), series.points.end());
  return lines;
}

std::string chart(const Section& section, const Family& family, const std::string& id) {
  const std::vector<Series> lines = lines_of(section, family);
  // A floor without a winner is no comparison.
  if (lines.empty() || lines.front().name != "fftconv") return {};
  double low = 1e300, high = 0, shortest = 1e300, longest = 0;
  for (const Series& series : lines) {
    for (const auto& [x, y] : series.points) {
      low = std::min(low, y), high = std::max(high, y);
      shortest = std::min(shortest, x), longest = std::max(longest, x);
    }
  }
  Plot plot{.id = id,
            .title = "Time of a sample by length: " + family.name,
            .description = "Lower is faster. The numbers stand in the table of this part.",
            .x = length_axis(shortest, longest),
            .y = log_axis("", low, high, show_seconds),
            .guides = {},
            .series = lines,
            .width = 460,
            .height = 250,
            .left = 68,
            .right = 84};
  return figure(svg(plot), family.name);
}

std::string peer_cell(const ProblemResult& result) {
  std::string text;
  for (const PeerTime& peer : result.peers) {
    if (!text.empty()) text += "; ";
    text += escape(peer.name) + " ";
    if (peer.seconds > 0 && result.winner) {
      text += fmt::format("{} ({} of ours)", show_seconds(peer.seconds),
                          show_ratio(peer.seconds / result.winner->measurement.median));
    } else {
      text += peer.seconds > 0 ? show_seconds(peer.seconds) : escape("– " + peer.missing);
    }
  }
  return text.empty() ? "–" : text;
}

}  // namespace

std::string speed_part(const Section& section, const std::string& id, bool with_bench) {
  std::string html = heading(id + "-speed", "Speed against the floor and the peers");
  html += fmt::format("<p class=\"note\">{}</p>\n", escape(section.floor_source));
  const bool any_peer = std::any_of(section.problems.begin(), section.problems.end(),
                                    [](const ProblemResult& result) { return !result.peers.empty(); });
  if (!any_peer) {
    html +=
        with_bench
            ? "<p class=\"note\">Peers: none of the files of fftconv-bench holds a problem of this device and "
              "state of the cache (a sweep's is cold: <span class=\"k\">fftconv-bench --cold</span>; that of <span "
              "class=\"k\">fftconv-tune sweep --policy hot</span> is hot, as fftconv-bench's without).</p>\n"
            : "<p class=\"note\">Peers: none given. <span class=\"k\">fftconv-bench --cold --problem … -o "
              "bench.json</span> times FFTW or cuFFT, <span class=\"k\">fftconv-tune report --bench "
              "bench.json</span> puts them here.</p>\n";
  }
  std::string charts;
  std::size_t drawn = 0, left_out = 0;
  for (const Family& family : section.families) {
    if (family.lengths < 2 || drawn == kCharts) {
      left_out += family.problems.size();
      continue;
    }
    charts += chart(section, family, fmt::format("{}-speed-{}", id, ++drawn));
  }
  if (!charts.empty()) {
    html +=
        "<p>Median time of the fastest kernel divided by batch × channels × L, in seconds for each sample: lower "
        "is faster. Both axes are logarithmic.</p>\n<div class=\"charts\">" +
        charts + "</div>\n";
  }
  if (left_out > 0) {
    html += fmt::format(
        "<p class=\"note\">{} problems whose like was measured at no other length, or beyond {} charts, "
        "stand in the table alone.</p>\n",
        left_out, kCharts);
  }
  HtmlTable table{.caption = "Winners",
                  .columns = {{"problem"},
                              {"median", true},
                              {"quartiles", true},
                              {"floor", true},
                              {"over floor", true},
                              {"peers"},
                              {"kernel"}},
                  .rows = {}};
  for (const ProblemResult& result : section.problems) {
    std::vector<std::string> row{code(to_string(result.problem)), "–", "–", "–", "–", peer_cell(result), "none"};
    if (result.floor_s > 0) row[3] = show_seconds(result.floor_s);
    if (result.winner) {
      const Measurement& m = result.winner->measurement;
      row[1] = show_seconds(m.median);
      row[2] = show_seconds(m.lower_quartile) + " … " + show_seconds(m.upper_quartile);
      if (result.floor_s > 0) row[4] = show_ratio(m.median / result.floor_s);
      row[6] = code(to_string(result.winner->config));
    }
    table.rows.push_back(std::move(row));
  }
  return html + (table.rows.size() > open_rows ? folded_table(table) : table_html(table));
}

}  // namespace fftconv::tools
