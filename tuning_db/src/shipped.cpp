#include "fftconv/shipped.h"

#include "exchange.h"
#include "shipped_lines.h"
#include "tuning_db_state.h"

namespace fftconv {

Result<TuningDb> TuningDb::open_lines(std::span<const std::string_view> lines, LogCallback log) {
  auto db = open({}, std::move(log));
  if (!db) return db;
  Store& store = db->state_->store;
  auto added = add_trials(store, parse_lines(lines, [&](const std::string& event) { store.say(event); }).trials);
  if (!added) return added.error();
  store.freeze();
  db->state_->shipped = true;
  return db;
}

Result<TuningDb> open_shipped(LogCallback log) { return TuningDb::open_lines(shipped_lines(), std::move(log)); }

std::optional<Choice> choose(TuningDb& own, TuningDb& shipped, const Environment& environment, const Problem& problem,
                             const std::function<std::optional<KernelConfig>(const KernelConfig&)>& adapt) {
  auto mine = own.choose(environment, problem, adapt);
  if (mine && mine->provenance == Provenance::exact) return mine;
  auto theirs = shipped.choose(environment, problem, adapt);
  if (!theirs || (mine && mine->provenance <= theirs->provenance)) return mine;
  theirs->explanation = "shipped with the library: " + theirs->explanation;
  return theirs;
}

}  // namespace fftconv
