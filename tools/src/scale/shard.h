// Shards: a list of problems divided among jobs that do not speak to each other (Slurm arrays, any batch system).
#pragma once

#include <string>
#include <vector>

#include "fftconv/problem.h"
#include "fftconv/result.h"
#include "fftconv/settings.h"

namespace fftconv::tools {

struct Shard {
  int index = 0;  ///< from 0; people count from 1
  int count = 1;
  bool operator==(const Shard&) const = default;
};

/// "2/8", the second of eight; empty: all; "auto": of the Slurm array task that this process is, else of its rank
/// under the launcher that started it. Errors: invalid_argument, one sentence.
Result<Shard> parse_shard(const std::string& text, const Launcher& launcher);

/// What a search costs, in seconds of no machine in particular: 4 s to compile its candidates, and 3e-8 s for each
/// butterfly (rows x N log2 N, N = L + Lk) that its samples run. Not the cost model: jobs on unlike machines must
/// agree on the partition without speaking to each other.
double search_weight(const Problem& problem);

/// The problems of one shard, in the order of the list. Each problem is in exactly one shard. Heaviest first, each to
/// the shard that has the least so far (Graham 1969, LPT: the heaviest shard weighs at most 4/3 of the best
/// partition's).
std::vector<Problem> problems_of_shard(const std::vector<Problem>& problems, const Shard& shard);

}  // namespace fftconv::tools
