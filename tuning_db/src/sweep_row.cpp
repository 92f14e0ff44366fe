// Sweeps as rows: what was asked, so that one that was cut off can be taken up again.
#include <fmt/format.h>

#include "names.h"
#include "tuning_db_state.h"

namespace fftconv {

Result<std::int64_t> TuningDb::begin_sweep(const std::string& arguments) {
  std::int64_t id = 0;
  auto done = state_->store.write([&](sqlite::Connection& db) -> Result<void> {
    auto put =
        db.query("INSERT INTO sweep(arguments, started, ended) VALUES(?,?,0)").bind(arguments, unix_now()).run();
    if (put) id = sqlite3_last_insert_rowid(db.handle());
    return put;
  });
  if (!done) return done.error();
  return id;
}

Result<void> TuningDb::end_sweep(std::int64_t id) {
  return state_->store.write([&](sqlite::Connection& db) {
    return db.query("UPDATE sweep SET ended=max(?, started) WHERE id=?").bind(unix_now(), id).run();
  });
}

std::optional<SweepNote> TuningDb::unfinished_sweep(std::int64_t before) {
  std::optional<SweepNote> note;
  (void)state_->store.read([&](sqlite::Connection& db) -> Result<void> {
    auto query = db.query("SELECT id, arguments, started FROM sweep WHERE ended=0 AND id<? ORDER BY id DESC LIMIT 1");
    auto row = query.bind(before).next();
    if (!row) return row.error();
    if (*row) note = SweepNote{query.integer(0), query.text(1), query.integer(2)};
    return {};
  });
  return note;
}

}  // namespace fftconv
