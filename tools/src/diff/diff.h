// Two databases beside each other: for each problem, the winner before and after.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diff/verdict.h"
#include "fftconv/tuning_db.h"
#include "json_out.h"

namespace fftconv::tools {

struct DiffRow {
  std::string device;  ///< of the newer side
  Problem problem;
  std::optional<Trial> before, after;  ///< winners; one is none where only the other side measured the problem
  Comparison comparison;
};

struct Diff {
  std::vector<DiffRow> rows;
  std::vector<std::string> notes;    ///< what else differs: devices paired by architecture, drivers, generators
  int count(Verdict verdict) const;  ///< of problems that both have
};

/// Devices are paired by kind and name; those left over by kind and architecture, which a note says. The winner of a
/// problem on a side is that of the environment it was measured in last, of a policy that both sides know. Where the
/// policies differ, it cannot be told.
Diff diff_of(const std::vector<Trial>& before, const std::vector<Trial>& after);

std::string diff_text(const Diff& diff);
Json diff_json(const Diff& diff);

}  // namespace fftconv::tools
