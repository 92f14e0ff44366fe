#include <fmt/format.h>

#include <algorithm>

#include "bench/bench.h"
#include "table.h"

namespace fftconv::tools {
namespace {

double io_bytes(const Problem& p) {
  return 2.0 * static_cast<double>(p.batch * p.channels) * static_cast<double>(p.seqlen) *
         static_cast<double>(size_of(p.io));
}

Json time_json(const BenchTime& time) {
  Json json{{"name", time.name}};
  if (!time.peer.empty()) json["peer"] = time.peer;
  if (!time.missing.empty()) {
    json["missing"] = time.missing;
    return json;
  }
  json["median_s"] = number(time.median);
  json["lower_quartile_s"] = number(time.lower_quartile);
  json["upper_quartile_s"] = number(time.upper_quartile);
  json["error"] = number(time.error);
  return json;
}

void add_row(Table& table, const BenchRow& row, const BenchTime& time, bool first) {
  const double samples = static_cast<double>(row.problem.batch * row.problem.channels * row.problem.seqlen);
  table.add({first ? to_string(row.problem) : "", show_seconds(time.median),
             fmt::format("{:.3g}", time.median * 1e9 / samples), show_ratio(time.median / row.floor_s),
             show_rate(io_bytes(row.problem) / time.median), show_error(time.error),
             first ? "" : show_ratio(time.median / row.own.median),
             first ? fmt::format("fftconv, chosen by {}", row.provenance) : time.name});
}

}  // namespace

std::string bench_table(const std::vector<BenchRow>& rows) {
  Table table({{"problem"},
               {"median", Align::right},
               {"ns/sample", Align::right},
               {"over floor", Align::right},
               {"GB/s", Align::right},
               {"error", Align::right},
               {"fftconv is", Align::right},
               {"contender"}});
  std::vector<std::string> missing;
  for (const BenchRow& row : rows) {
    add_row(table, row, row.own, true);
    for (const BenchTime& peer : row.peers) {
      if (peer.missing.empty()) {
        add_row(table, row, peer, false);
      } else if (std::ranges::find(missing, peer.missing) == missing.end()) {
        missing.push_back(peer.missing);
      }
    }
  }
  std::string text = table.text();
  for (const std::string& reason : missing) text += reason + "\n";
  return text;
}

Json bench_json(const std::vector<BenchRow>& rows, const Context& context, const BenchSettings& settings) {
  Json json{{"environment", to_json(context.environment())},
            {"cache", settings.cold ? "cold" : "hot"},
            {"seed", settings.seed},
            {"threads", settings.peer.threads},
            {"problems", Json::array()}};
  for (const BenchRow& row : rows) {
    Json entry{{"problem", to_json(row.problem)},
               {"config", row.config},
               {"provenance", row.provenance},
               {"rounds", row.rounds},
               {"floor_s", number(row.floor_s)},
               {"over_floor", number(row.own.median / row.floor_s)},
               {"bytes_per_s", number(io_bytes(row.problem) / row.own.median)}};
    entry.update(time_json(row.own));
    entry["peers"] = Json::array();
    for (const BenchTime& peer : row.peers) entry["peers"].push_back(time_json(peer));
    json["problems"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace fftconv::tools
