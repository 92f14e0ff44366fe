// The problems of a family, the nearest size first, read no further than asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fftconv/problem.h"
#include "sqlite.h"

namespace fftconv {

inline constexpr std::string_view longer_problems_sql =
    "SELECT id, seqlen, rows FROM problem WHERE family=? AND seqlen>=? ORDER BY seqlen";
inline constexpr std::string_view shorter_problems_sql =
    "SELECT id, seqlen, rows FROM problem WHERE family=? AND seqlen<? ORDER BY seqlen DESC";

/// Walks outwards from a problem's length along problem_family, so that what lies far off costs nothing. Near is
/// |log(L'/L)|, then |log(rows'/rows)|, then the row number.
class NearProblems {
 public:
  NearProblems(sqlite::Connection& db, const Problem& problem);

  /// Row number of the next one; none at the end.
  Result<std::optional<std::int64_t>> next();

 private:
  struct Row {
    std::int64_t id = 0;
    double length_distance = 0, rows_distance = 0;
  };
  struct Side {
    sqlite::Query query;
    std::optional<Row> head;
    bool begun = false;
  };
  Result<void> advance(Side& side);
  Result<void> fill_ring();

  double seqlen_, rows_;
  Side longer_, shorter_;
  std::vector<Row> ring_;  ///< of one distance in length, the nearest last
};

}  // namespace fftconv
