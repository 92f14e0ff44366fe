#include "index_check.h"

#include <fmt/format.h>

namespace fftconv {

Result<std::optional<std::int64_t>> IndexCheck::advance(sqlite::Connection& db, std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  for (; !complete(); ++walk_, row_ = INT64_MIN) {
    auto query = db.query(walks_[walk_]);
    query.bind(row_);
    for (;;) {
      auto there = query.next();
      if (!there) return there.error();
      if (!*there) break;
      const std::int64_t row = query.integer(0);
      // Pages that lead back into one another would keep the walk going for ever.
      if (row <= row_) return Error{ErrorCode::damaged, fmt::format("row {} stands after row {}", row, row_)};
      if (query.integer(1) == 0) return std::optional(row);
      row_ = row;
      if (std::chrono::steady_clock::now() >= end) return std::optional<std::int64_t>();
    }
  }
  return std::optional<std::int64_t>();
}

}  // namespace fftconv
