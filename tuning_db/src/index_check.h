// Comparing the rows of a large file with its indexes, a little at a time: what an index lost is a miss without a
// word.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sqlite.h"

namespace fftconv {

/// How far the comparison has come. A walk is a statement that gives, for the rows of a table from number ? on and in
/// their order, the number and whether all indexes lead to the row.
class IndexCheck {
 public:
  explicit IndexCheck(std::span<const std::string_view> walks) : walks_(walks) {}

  /// Goes on for up to `time`; returns the number of a row that an index does not lead to, if one was found.
  /// Errors: as sqlite::code_of(), damaged also for rows out of order.
  Result<std::optional<std::int64_t>> advance(sqlite::Connection& db, std::chrono::milliseconds time);
  /// Every row was compared, or need not be any more.
  bool complete() const { return walk_ == walks_.size(); }
  void finish() { walk_ = walks_.size(); }

 private:
  std::span<const std::string_view> walks_;
  std::size_t walk_ = 0;
  std::int64_t row_ = INT64_MIN;  ///< the last that was compared
};

}  // namespace fftconv
