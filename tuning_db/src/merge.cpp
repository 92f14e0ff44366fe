#include <fmt/format.h>

#include <utility>

#include "search_row.h"
#include "tuning_db_state.h"

namespace fftconv {
namespace {

// One order for all: time first, then the checksum as an arbitrary but fixed arbiter.
template <class Row>
std::pair<std::int64_t, std::int64_t> age(const Row& row, std::int64_t checksum) {
  return {row.unix_time, checksum};
}

std::int64_t sum_of(const Trial& trial) {
  return checksum_of(trial, to_string(trial.problem), to_string(trial.config));
}

}  // namespace

bool wins_over(const Trial& a, const Trial& b) { return age(a, sum_of(a)) > age(b, sum_of(b)); }

Result<int> add_trials(Store& store, const std::vector<Trial>& trials) {
  int count = 0;
  auto complain = [&](const std::string& event) { store.say(event); };
  auto done = store.write([&](sqlite::Connection& db) -> Result<void> {
    count = 0;
    for (const Trial& trial : trials) {
      auto present = find_trial(db, trial.environment, trial.problem, to_string(trial.config), complain);
      if (!present) return present.error();
      if (*present && !wins_over(trial, **present)) continue;
      if (auto put = put_trial(db, trial); !put) return put;
      ++count;
    }
    return {};
  });
  if (!done) return done.error();
  return count;
}

Result<int> TuningDb::merge(TuningDb& other) {
  if (&other == this) return 0;
  if (auto sound = other.state_->store.check_whole(); !sound)
    return Error{sound.error().code,
                 fmt::format("{} is not merged: {}", other.file().string(), sound.error().message)};
  constexpr std::size_t batch = 4096;  // trials a transaction
  std::vector<Trial> trials;
  int total = 0;
  Result<int> added = 0;
  auto visited = other.for_each([&](const Trial& trial) {
    trials.push_back(trial);
    if (trials.size() < batch) return true;
    added = add_trials(state_->store, trials);
    if (added) total += *added;
    trials.clear();
    return added.ok();
  });
  if (!visited) return visited.error();
  if (added && !trials.empty()) {
    added = add_trials(state_->store, trials);
    if (added) total += *added;
  }
  if (!added) return added;
  auto searches = all_search_rows(other.state_->store.connection(), other.state_->complain());
  if (!searches) return searches.error();
  if (searches->empty()) return total;
  auto done = state_->store.write([&](sqlite::Connection& db) -> Result<void> {
    for (const SearchRow& row : *searches) {
      auto present = find_search_row(db, row.environment, row.problem, state_->complain());
      if (!present) return present.error();
      if (*present && age(row, checksum_of(row)) <= age(**present, checksum_of(**present))) continue;
      if (auto put = put_search_row(db, row); !put) return put;
    }
    return {};
  });
  if (!done) return done.error();
  return total;
}

}  // namespace fftconv
