#include "fftconv/tuning_db.h"

#include "names.h"
#include "search_row.h"
#include "tuning_db_state.h"

namespace fftconv {
namespace {

Result<int> salvage(sqlite::Connection& from, sqlite::Connection& to) {
  int count = 0;
  auto ignore = [](const std::string&) {};
  Result<void> written;
  // Stops at the first page that cannot be read; what was visited until then is kept.
  (void)visit_trials(
      from,
      [&](const Trial& trial) {
        written = put_trial(to, trial);
        count += written.ok();
        return written.ok();
      },
      ignore);
  if (!written) return written.error();
  auto searches = all_search_rows(from, ignore);
  if (!searches) return count;
  for (const SearchRow& row : *searches) {
    if (written = put_search_row(to, row); !written) return written.error();
    ++count;
  }
  return count;
}

}  // namespace

const StoreSpec& tuning_store() {
  static const StoreSpec spec{.name = "tuning database",
                              .application_id = 0x66667463,  // "fftc"
                              .version = 2,
                              .schema = tuning_schema(),
                              .migrations = tuning_migrations(),
                              .durable = true,
                              .check_below_bytes = 8 << 20,
                              .salvage = salvage,
                              .index_walks = tuning_index_walks()};
  return spec;
}

TuningDb::TuningDb(std::unique_ptr<State> state) : state_(std::move(state)) {}
TuningDb::TuningDb(TuningDb&&) noexcept = default;
TuningDb& TuningDb::operator=(TuningDb&&) noexcept = default;
TuningDb::~TuningDb() = default;

Result<TuningDb> TuningDb::open(const std::filesystem::path& file, LogCallback log, bool read_only) {
  auto store = Store::open(tuning_store(), file, std::move(log), read_only);
  if (!store) return store.error();
  return TuningDb(std::make_unique<State>(State{.store = std::move(*store)}));
}

Result<TuningDb> TuningDb::open_copy(const std::filesystem::path& file, LogCallback log) {
  auto store = Store::open_copy(tuning_store(), file, std::move(log));
  if (!store) return store.error();
  return TuningDb(std::make_unique<State>(State{.store = std::move(*store)}));
}

Result<void> TuningDb::put(const Trial& trial) {
  if (auto fine = check_trial(trial); !fine) return fine;
  Trial stamped = trial;
  if (stamped.unix_time == 0) stamped.unix_time = unix_now();
  return state_->store.write([&](sqlite::Connection& db) -> Result<void> {
    // A clock that was set back must not let a merge bring the replaced trial back from elsewhere.
    auto old = find_trial(db, trial.environment, trial.problem, to_string(trial.config), state_->complain());
    if (!old) return old.error();
    if (*old && stamped.unix_time < (*old)->unix_time) stamped.unix_time = (*old)->unix_time + 1;
    return put_trial(db, stamped);
  });
}

Result<void> TuningDb::put_search(const Environment& environment, const Problem& problem,
                                  const SearchRecord& record) {
  SearchRow row{environment, problem, record, unix_now()};
  if (auto fine = check_search(row); !fine) return fine;
  return state_->store.write([&](sqlite::Connection& db) -> Result<void> {
    auto old = find_search_row(db, environment, problem, state_->complain());
    if (!old) return old.error();
    if (*old && row.unix_time < (*old)->unix_time) row.unix_time = (*old)->unix_time + 1;
    return put_search_row(db, row);
  });
}

std::optional<Trial> TuningDb::find(const Environment& environment, const Problem& problem,
                                    const KernelConfig& config) {
  std::optional<Trial> found;
  auto look_up = [&](sqlite::Connection& db) -> Result<void> {
    auto trial = find_trial(db, environment, problem, to_string(config), state_->complain());
    if (!trial) return trial.error();
    found = std::move(*trial);
    return {};
  };
  (void)state_->store.read(look_up);
  if (!found && state_->store.mend_after_miss()) (void)state_->store.read(look_up);
  return found;
}

std::optional<SearchRecord> TuningDb::find_search(const Environment& environment, const Problem& problem) {
  std::optional<SearchRecord> found;
  (void)state_->store.read([&](sqlite::Connection& db) -> Result<void> {
    auto row = find_search_row(db, environment, problem, state_->complain());
    if (!row) return row.error();
    if (*row) found = (*row)->record;
    return {};
  });
  return found;
}

std::vector<Trial> TuningDb::trials(const Environment& environment, const Problem& problem) {
  std::vector<Trial> all;
  (void)state_->store.read([&](sqlite::Connection& db) -> Result<void> {
    all.clear();
    auto environment_row = find_environment(db, environment);
    if (!environment_row) return environment_row.error();
    auto problem_row = find_problem(db, problem);
    if (!problem_row) return problem_row.error();
    auto query = db.query("SELECT " FFTCONV_TRIAL_COLUMNS
                          " FROM trial WHERE problem=? AND environment=? ORDER BY CASE status WHEN 'measured' THEN 0 "
                          "WHEN 'dropped' THEN 1 ELSE 2 END, median, config");
    query.bind(*problem_row, *environment_row);
    std::string problem_text = to_string(problem);
    for (;;) {
      auto row = query.next();
      if (!row) return row.error();
      if (!*row) return {};
      auto trial = read_trial(query, environment, problem, problem_text);
      if (trial)
        all.push_back(std::move(*trial));
      else
        state_->store.say("trial " + query.text(0) + " counts as a miss: " + trial.error().message);
    }
  });
  return all;
}

std::int64_t TuningDb::last_trial() {
  std::int64_t last = 0;
  (void)state_->store.read([&](sqlite::Connection& db) -> Result<void> {
    auto found = db.integer_of("SELECT ifnull(max(id), 0) FROM trial");
    if (!found) return found.error();
    last = *found;
    return {};
  });
  return last;
}

Result<void> TuningDb::for_each(const std::function<bool(const Trial&)>& visit) {
  auto done = visit_trials(state_->store.connection(), visit, state_->complain());
  // What was visited cannot be taken back, so that there is no second attempt as elsewhere.
  if (!done) state_->store.say(done.error().message);
  return done;
}

bool TuningDb::in_memory() const { return state_->store.in_memory(); }
const std::filesystem::path& TuningDb::file() const { return state_->store.file(); }

}  // namespace fftconv
