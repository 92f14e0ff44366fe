// fftconv-bench: one problem measured, and the report of all.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/contender.h"
#include "bench/peers.h"
#include "fftconv/plan.h"
#include "json_out.h"

namespace fftconv::tools {

struct BenchSettings {
  PlanOptions plan;
  int rounds = 21;
  double seconds = 10;  ///< of a problem; fewer rounds where they take longer, at least 3
  bool cold = false;
  std::uint64_t seed = 1;
  std::vector<PeerRequest> peers;
  PeerSettings peer;
};

struct BenchTime {
  std::string peer;  ///< as it is requested; empty for ours
  std::string name;
  std::string missing;                                        ///< why it was not measured; then the rest is empty
  double median = 0, lower_quartile = 0, upper_quartile = 0;  ///< seconds
  double error = -1;                                          ///< relative L2 against fp64
};

struct BenchRow {
  Problem problem;
  std::string config, provenance;
  double floor_s = 0;
  int rounds = 0;
  BenchTime own;
  std::vector<BenchTime> peers;
};

/// Ours and the peers, one after another in each round, on the same data.
Result<BenchRow> bench_one(Context& context, const Problem& problem, const BenchSettings& settings);

std::string bench_table(const std::vector<BenchRow>& rows);
Json bench_json(const std::vector<BenchRow>& rows, const Context& context, const BenchSettings& settings);

}  // namespace fftconv::tools
