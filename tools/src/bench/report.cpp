#include <fmt/format.h>

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

}  // namespace

std::string bench_table(const std::vector<BenchRow>& rows) {
  Table table({{"problem"},
               {"median", Align::right},
               {"over floor", Align::right},
               {"GB/s", Align::right},
               {"error", Align::right},
               {"chosen by"},
               {"peer", Align::right},
               {"peer's error", Align::right},
               {"faster than it", Align::right},
               {"which peer"}});
  for (const BenchRow& row : rows) {
    const BenchTime none{.name = "-"};
    const BenchTime& peer = row.peers.empty() ? none : row.peers.front();
    table.add({to_string(row.problem), show_seconds(row.own.median), show_ratio(row.own.median / row.floor_s),
               show_rate(io_bytes(row.problem) / row.own.median), show_error(row.own.error), row.provenance,
               show_seconds(peer.median), show_error(peer.error), show_ratio(peer.median / row.own.median),
               peer.missing.empty() ? peer.name : peer.missing});
  }
  return table.text();
}

Json bench_json(const std::vector<BenchRow>& rows, const Context& context, const BenchSettings& settings) {
  Json json{{"environment", to_json(context.environment())},
            {"cache", settings.cold ? "cold" : "hot"},
            {"seed", settings.seed},
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
