// Files of version 1 of the tuning database are brought to this version without losing a row.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include "fftconv/tuning_db.h"
#include "tuning_db_fixture.h"

namespace fftconv {
namespace {

using test::Log;
using test::TemporaryDirectory;

// As version 1 created it, letter by letter.
constexpr const char* version_1 = R"(
CREATE TABLE environment(id INTEGER PRIMARY KEY, device TEXT NOT NULL, kind TEXT NOT NULL, arch TEXT NOT NULL, sm_count INTEGER NOT NULL, l2_bytes INTEGER NOT NULL, driver TEXT NOT NULL, compiler TEXT NOT NULL, generator_digest TEXT NOT NULL, policy TEXT NOT NULL, UNIQUE(device, kind, arch, sm_count, l2_bytes, driver, compiler, generator_digest, policy)) STRICT;
CREATE TABLE problem(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, family TEXT NOT NULL, seqlen INTEGER NOT NULL, rows INTEGER NOT NULL) STRICT;
CREATE INDEX problem_family ON problem(family, seqlen, rows);
CREATE TABLE trial(id INTEGER PRIMARY KEY, problem INTEGER NOT NULL REFERENCES problem, environment INTEGER NOT NULL REFERENCES environment, config TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, samples BLOB NOT NULL, lower_quartile REAL NOT NULL, median REAL NOT NULL, upper_quartile REAL NOT NULL, error REAL NOT NULL, clock_hz REAL NOT NULL, throttled INTEGER NOT NULL, registers INTEGER NOT NULL, spill_bytes INTEGER NOT NULL, compile_s REAL NOT NULL, unix_time INTEGER NOT NULL, checksum INTEGER NOT NULL, UNIQUE(problem, environment, config)) STRICT;
CREATE INDEX trial_best ON trial(problem, environment, median) WHERE status='measured' AND error>=0;
CREATE TABLE search(problem INTEGER NOT NULL REFERENCES problem, environment INTEGER NOT NULL REFERENCES environment, rigor TEXT NOT NULL, budget_s REAL NOT NULL, candidates INTEGER NOT NULL, measured INTEGER NOT NULL, complete INTEGER NOT NULL, unix_time INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY(problem, environment)) STRICT, WITHOUT ROWID;
PRAGMA application_id=1717990499;
PRAGMA user_version=1;
)";

void run(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  char* message = nullptr;
  const int status = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message);
  INFO(std::string(message ? message : ""));
  CHECK(status == SQLITE_OK);
  sqlite3_free(message);
  sqlite3_close(db);
}

int version_of(const std::filesystem::path& file) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  sqlite3_stmt* query = nullptr;
  REQUIRE(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &query, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_step(query) == SQLITE_ROW);
  const int version = sqlite3_column_int(query, 0);
  sqlite3_finalize(query);
  sqlite3_close(db);
  return version;
}

Trial sample_trial() {
  return test::trial_of(test::environment_here(), test::problem_of(4096), test::config_of(4), 1e-3);
}

const SearchRecord kSearch{.rigor = "patient", .budget_s = 10, .candidates = 40, .measured = 12, .complete = true};

/// A file of version 1 with a trial and a search record in it.
std::filesystem::path make_version_1(const TemporaryDirectory& directory) {
  const std::filesystem::path newer = directory / "newer.db", older = directory / "tuning.db";
  {
    auto database = TuningDb::open(newer).value();
    database.put(sample_trial()).value();
    database.put_search(test::environment_here(), sample_trial().problem, kSearch).value();
  }
  run(older, version_1);
  std::string copy = "ATTACH '" + newer.string() + "' AS newer;";
  for (const char* table : {"environment", "problem"})
    copy += std::string("INSERT INTO main.") + table + " SELECT * FROM newer." + table + ";";
  copy +=
      "INSERT INTO main.trial SELECT id, problem, environment, config, status, reason, samples, lower_quartile, "
      "median, upper_quartile, error, clock_hz, throttled, registers, spill_bytes, compile_s, unix_time, checksum "
      "FROM newer.trial; INSERT INTO main.search SELECT problem, environment, rigor, budget_s, candidates, measured, "
      "complete, unix_time, checksum FROM newer.search;";
  run(older, copy);
  std::filesystem::permissions(older, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return older;
}

void check_rows(TuningDb& database) {
  const Trial trial = sample_trial();
  const auto found = database.find(trial.environment, trial.problem, trial.config);
  REQUIRE(found);
  CHECK(found->measurement == trial.measurement);
  CHECK(found->predicted_s == 0);
  const auto search = database.find_search(trial.environment, trial.problem);
  REQUIRE(search);
  CHECK(search->measured == kSearch.measured);
  CHECK(search->compiled == 0);
  CHECK(search->refused.empty());
}

TEST_CASE("a file of version 1 is migrated in place, once, and keeps its rows") {
  const TemporaryDirectory directory;
  const auto file = make_version_1(directory);
  Log log;
  {
    auto database = TuningDb::open(file, log.callback()).value();
    CHECK_FALSE(database.in_memory());
    CHECK(log.says("brought to version 2"));
    check_rows(database);
    Trial trial = sample_trial();
    trial.predicted_s = 2e-3;
    database.put(trial).value();
    CHECK(database.find(trial.environment, trial.problem, trial.config)->predicted_s == 2e-3);
  }
  Log again;
  auto database = TuningDb::open(file, again.callback()).value();
  CHECK_FALSE(database.in_memory());
  CHECK(again.lines.empty());
}

TEST_CASE("a file of version 1 opened for reading is not changed and is read") {
  const TemporaryDirectory directory;
  const auto file = make_version_1(directory);
  auto database = TuningDb::open(file, {}, true).value();
  check_rows(database);
  CHECK(version_of(file) == 1);
}

TEST_CASE("version 1 with other tables is set aside whole, not half migrated") {
  const TemporaryDirectory directory;
  const auto file = make_version_1(directory);
  run(file, "DROP INDEX trial_best");
  Log log;
  auto database = TuningDb::open(file, log.callback()).value();
  CHECK(log.says("set aside as " + file.string() + ".damaged-1"));
  const Trial trial = sample_trial();
  CHECK_FALSE(database.find(trial.environment, trial.problem, trial.config));
  CHECK(version_of(file.string() + ".damaged-1") == 1);
}

TEST_CASE("a sweep that was not ended is the unfinished one, the latest first") {
  const TemporaryDirectory directory;
  auto database = TuningDb::open(directory / "tuning.db").value();
  CHECK_FALSE(database.unfinished_sweep());
  const auto first = database.begin_sweep("seqlen=1024\n").value();
  const auto second = database.begin_sweep("seqlen=2048\nrigor=measure\n").value();
  REQUIRE(database.unfinished_sweep());
  CHECK(database.unfinished_sweep()->id == second);
  CHECK(database.unfinished_sweep()->arguments == "seqlen=2048\nrigor=measure\n");
  database.end_sweep(second).value();
  REQUIRE(database.unfinished_sweep());
  CHECK(database.unfinished_sweep()->id == first);
  database.end_sweep(first).value();
  CHECK_FALSE(database.unfinished_sweep());
}

}  // namespace
}  // namespace fftconv
