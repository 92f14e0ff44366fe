#include "near_problems.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "trial_row.h"

namespace fftconv {

NearProblems::NearProblems(sqlite::Connection& db, const Problem& problem)
    : seqlen_(static_cast<double>(problem.seqlen)),
      rows_(static_cast<double>(problem.batch * problem.channels)),
      longer_{db.query(longer_problems_sql), {}, false},
      shorter_{db.query(shorter_problems_sql), {}, false} {
  const std::string family = family_of(problem);
  longer_.query.bind(family, problem.seqlen);
  shorter_.query.bind(family, problem.seqlen);
}

Result<void> NearProblems::advance(Side& side) {
  side.begun = true;
  side.head.reset();
  for (;;) {
    auto row = side.query.next();
    if (!row) return row.error();
    if (!*row) return {};
    const auto seqlen = static_cast<double>(side.query.integer(1)), rows = static_cast<double>(side.query.integer(2));
    if (!(seqlen > 0) || !(rows > 0)) continue;  // damaged; its trials would not pass either
    side.head = Row{side.query.integer(0), std::abs(std::log(seqlen / seqlen_)), std::abs(std::log(rows / rows_))};
    return {};
  }
}

// All problems of the next distance in length: of one length, or of two that are equally far.
Result<void> NearProblems::fill_ring() {
  for (Side* side : {&longer_, &shorter_})
    if (!side->begun)
      if (auto done = advance(*side); !done) return done;
  double distance = INFINITY;
  for (const Side* side : {&longer_, &shorter_})
    if (side->head) distance = std::min(distance, side->head->length_distance);
  for (Side* side : {&longer_, &shorter_})
    while (side->head && side->head->length_distance == distance) {
      ring_.push_back(*side->head);
      if (auto done = advance(*side); !done) return done;
    }
  std::sort(ring_.begin(), ring_.end(), [](const Row& a, const Row& b) {
    return std::tie(a.rows_distance, a.id) > std::tie(b.rows_distance, b.id);
  });
  return {};
}

Result<std::optional<std::int64_t>> NearProblems::next() {
  if (ring_.empty())
    if (auto done = fill_ring(); !done) return done.error();
  if (ring_.empty()) return std::optional<std::int64_t>();
  const std::int64_t id = ring_.back().id;
  ring_.pop_back();
  return std::optional<std::int64_t>(id);
}

}  // namespace fftconv
