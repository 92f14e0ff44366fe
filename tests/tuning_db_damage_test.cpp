// Damaged copies of a tuning database: no crash, no wrong row, nothing lost without a word.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "damaged_copies.h"
#include "exchange.h"
#include "fftconv/tuning_db.h"
#include "sqlite.h"
#include "thinned.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

namespace fs = std::filesystem;

std::string key_of(const Trial& t) {
  return to_string(t.environment) + "|" + to_string(t.problem) + "|" + to_string(t.config);
}

std::map<std::string, Trial> fill(const fs::path& file, int count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::map<std::string, Trial> stored;
  std::string text;
  for (int i = 0; i < count; ++i) {
    Trial trial = random_trial(random);
    trial.problem.batch = 1 + i;
    stored[key_of(trial)] = trial;
    text += format_line(trial) + "\n";
  }
  auto db = TuningDb::open(file);
  REQUIRE(db.ok());
  REQUIRE(db->import_lines(text).ok());
  REQUIRE(db->put_search(environment_here(), problem_of(4096), {"patient", 1, 2, 3, true}).ok());
  return stored;
}

struct Outcome {
  int kept = 0;
  int lost = 0;
  bool search = false;
};

// Reads the file by every way in; fails the test on any row that was never stored.
Outcome inspect(TuningDb& db, const std::map<std::string, Trial>& stored) {
  Outcome outcome;
  std::map<std::string, bool> problems;
  for (const auto& [key, trial] : stored) {
    auto found = db.find(trial.environment, trial.problem, trial.config);
    if (found) CHECK(same(*found, trial));
    ++(found ? outcome.kept : outcome.lost);
    if (auto choice = db.choose(trial.environment, trial.problem, as_it_is)) {
      bool known = std::any_of(stored.begin(), stored.end(), [&](const auto& entry) {
        return entry.second.config == choice->config && entry.second.measurement.median == choice->seconds &&
               entry.second.measurement.status == TrialStatus::measured;
      });
      CHECK(known);
    }
    for (const Trial& listed : db.trials(trial.environment, trial.problem)) {
      auto wanted = stored.find(key_of(listed));
      REQUIRE(wanted != stored.end());
      CHECK(same(listed, wanted->second));
    }
  }
  (void)db.for_each([&](const Trial& trial) {
    auto wanted = stored.find(key_of(trial));
    REQUIRE(wanted != stored.end());
    CHECK(same(trial, wanted->second));
    return true;
  });
  auto search = db.find_search(environment_here(), problem_of(4096));
  outcome.search = search.has_value();
  if (search)
    CHECK((search->rigor == "patient" && search->budget_s == 1 && search->candidates == 2 && search->measured == 3 &&
           search->complete));
  return outcome;
}

}  // namespace

TEST_CASE("a thousand damaged copies: no crash, no wrong row, and every loss is logged") {
  constexpr unsigned kCopies = test::kSanitized ? 120 : 1000;
  TemporaryDirectory directory(Where::memory);
  auto stored = fill(directory / "whole.db", 60, 21);
  std::string whole = read_bytes(directory / "whole.db");
  fs::path file = directory / "tuning.db";
  int aside = 0, with_losses = 0, lost = 0, untouched = 0;
  for (unsigned seed = 0; seed < kCopies; ++seed) {
    CAPTURE(seed);
    for (const auto& entry : fs::directory_iterator(directory.path()))
      if (entry.path().filename() != "whole.db") fs::remove(entry.path());
    std::mt19937_64 random(seed);
    auto kind = static_cast<Damage>(seed % static_cast<unsigned>(Damage::kinds));
    write_bytes(file, damaged(whole, kind, random));
    if (kind == Damage::foreign_schema) make_foreign(file, "trial", "trial_best", random);
    Log log;
    INFO(log.text());
    Trial fresh = trial_of(environment_here(), problem_of(7), config_of(3), 1e-3);
    {
      auto db = TuningDb::open(file, log.callback());
      REQUIRE(db.ok());
      Outcome outcome = inspect(*db, stored);
      if (outcome.lost > 0 || !outcome.search) CHECK_FALSE(log.lines.empty());
      // A byte of the header may make the file one of a later version.
      if (log.says("set aside as "))
        CHECK((fs::exists(file.string() + ".damaged-1") || fs::exists(file.string() + ".newer-1")));
      aside += log.says("set aside as ");
      with_losses += outcome.lost > 0;
      lost += outcome.lost;
      untouched += log.lines.empty();
      CHECK_FALSE(db->in_memory());
      REQUIRE(db->put(fresh).ok());
    }
    auto again = TuningDb::open(file, log.callback());
    REQUIRE(again.ok());
    auto found = again->find(fresh.environment, fresh.problem, fresh.config);
    REQUIRE(found.has_value());
    CHECK(same(*found, fresh));
  }
  MESSAGE(fmt::format("{} set aside, {} lost rows ({} of {} rows), {} had nothing to tell", aside, with_losses, lost,
                      kCopies * stored.size(), untouched));
  CHECK(aside > static_cast<int>(kCopies) * 3 / 10);
}

TEST_CASE("a large database, checked row by row: no crash, no wrong row, and every loss is logged") {
  TemporaryDirectory directory(Where::memory);
  auto stored = fill(directory / "whole.db", 24000, 22);
  std::string whole = read_bytes(directory / "whole.db");
  REQUIRE(whole.size() > (8u << 20));  // above the size that is checked completely when opened
  fs::path file = directory / "tuning.db";
  int told = 0;
  for (unsigned seed = 0; seed < (test::kSanitized ? 8 : 32); ++seed) {
    CAPTURE(seed);
    for (const auto& entry : fs::directory_iterator(directory.path()))
      if (entry.path().filename() != "whole.db") fs::remove(entry.path());
    std::mt19937_64 random(seed);
    auto kind = static_cast<Damage>(seed % static_cast<unsigned>(Damage::kinds));
    std::string bytes = damaged(whole, kind, random);
    for (int more = 0; more < 20 && kind == Damage::bytes; ++more) bytes = damaged(bytes, kind, random);
    write_bytes(file, bytes);
    if (kind == Damage::foreign_schema) make_foreign(file, "trial", "trial_best", random);
    Log log;
    auto db = TuningDb::open(file, log.callback());
    REQUIRE(db.ok());
    std::size_t visited = 0;
    auto done = db->for_each([&](const Trial& trial) {
      auto wanted = stored.find(key_of(trial));
      REQUIRE(wanted != stored.end());
      if (!same(trial, wanted->second)) FAIL_CHECK("a wrong row: ", key_of(trial));
      ++visited;
      return true;
    });
    if (!done.ok() || visited < stored.size()) CHECK_FALSE(log.lines.empty());
    told += !log.lines.empty();
    int n = 0, lost = 0;
    for (const auto& [key, trial] : stored) {
      if (++n % 100 != 0) continue;
      auto found = db->find(trial.environment, trial.problem, trial.config);
      if (found) CHECK(same(*found, trial));
      lost += !found;
    }
    Trial fresh = trial_of(environment_here(), problem_of(7), config_of(3), 1e-3);
    // A miss costs 0.1 s at most, so that it may take some of them until all rows were compared with the indexes.
    for (int more = 0; more < 100 && lost > 0 && log.lines.empty(); ++more)
      CHECK_FALSE(db->find(fresh.environment, fresh.problem, fresh.config).has_value());
    if (lost > 0) CHECK_FALSE(log.lines.empty());
    REQUIRE(db->put(fresh).ok());
    CHECK(db->find(fresh.environment, fresh.problem, fresh.config).has_value());
  }
  CHECK(told > (test::kSanitized ? 2 : 10));
}

TEST_CASE("an index of a large database that lost a row is told and made anew, and nothing is lost") {
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "tuning.db";
  auto stored = fill(file, 24000, 25);
  REQUIRE(fs::file_size(file) > (8u << 20));
  Trial lost = stored.begin()->second;
  damage_index_entry(file, to_string(lost.problem));  // of the index of problems by their texts
  {
    Log log;
    auto reader = TuningDb::open(file, log.callback(), true);
    REQUIRE(reader.ok());
    CHECK_FALSE(reader->find(lost.environment, lost.problem, lost.config).has_value());
    CHECK(log.says("an index does not lead to row"));
    CHECK(log.says("count as misses"));
  }
  Log log;
  auto db = TuningDb::open(file, log.callback());
  REQUIRE(db.ok());
  CHECK(log.lines.empty());
  auto found = db->find(lost.environment, lost.problem, lost.config);
  REQUIRE(found.has_value());
  CHECK(same(*found, lost));
  INFO(log.text());
  CHECK(log.lines.size() == 1);
  CHECK(log.says("the indexes were made anew"));
  CHECK_FALSE(fs::exists(file.string() + ".damaged-1"));
  auto verdict = sqlite::Connection::open(file.string(), sqlite::OpenMode::read_only, 1000);
  REQUIRE(verdict.ok());
  CHECK(verdict->text_of("PRAGMA integrity_check").value() == "ok");
}

TEST_CASE("a row that a damaged index made to be stored twice: told, and the later one stays") {
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "tuning.db";
  auto stored = fill(file, 24000, 26);
  Trial lost = stored.begin()->second;
  damage_index_entry(file, to_string(lost.problem));
  Log log;
  auto db = TuningDb::open(file, log.callback());
  REQUIRE(db.ok());
  Trial again = lost;
  again.measurement.median *= 2;
  again.unix_time += 1;
  REQUIRE(db->put(again).ok());  // makes the problem a second time
  Trial absent = trial_of(environment_here(), problem_of(7), config_of(3), 1e-3);
  for (int misses = 0; misses < 100 && log.lines.empty(); ++misses)
    CHECK_FALSE(db->find(absent.environment, absent.problem, absent.config).has_value());
  INFO(log.text());
  CHECK(log.says("set aside as "));
  CHECK(log.says("24001 sound rows"));  // 24000 trials and a search
  auto found = db->find(lost.environment, lost.problem, lost.config);
  REQUIRE(found.has_value());
  CHECK(same(*found, again));
}

TEST_CASE("sound rows of a damaged file move to the new one") {
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "tuning.db";
  auto stored = fill(file, 60, 23);
  // An index that does not match its table: every row can still be read.
  run_sql(file,
          "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage=(SELECT rootpage FROM sqlite_schema WHERE "
          "name='problem_family') WHERE name='trial_best';");
  Log log;
  auto db = TuningDb::open(file, log.callback());
  REQUIRE(db.ok());
  CHECK(log.says("set aside as "));
  CHECK(log.says("61 sound rows"));
  Outcome outcome = inspect(*db, stored);
  CHECK(outcome.lost == 0);
  CHECK(outcome.search);
}

TEST_CASE("a row that cannot be is a miss and logged, and the others stay") {
  const char* changes[] = {"config='p9:nonsense'",
                           "status='excellent'",
                           "median=9e999",
                           "median=-1",
                           "error=error+1e-9",
                           "samples=x'00'",
                           "reason='other'",
                           "compile_s=compile_s+1",
                           "registers=registers+1",
                           "unix_time=unix_time+1",
                           "checksum=0",
                           "environment=77",
                           "problem=2"};
  for (const char* change : changes) {
    CAPTURE(change);
    TemporaryDirectory directory(Where::memory);
    fs::path file = directory / "tuning.db";
    Trial bad = trial_of(environment_here(), problem_of(1024), config_of(1), 1e-3);
    Trial good = trial_of(environment_here(), problem_of(2048), config_of(2), 2e-3);
    {
      auto db = TuningDb::open(file);
      REQUIRE(db.ok());
      REQUIRE(db->put(bad).ok());
      REQUIRE(db->put(good).ok());
    }
    run_sql(file, fmt::format("UPDATE trial SET {} WHERE id=1", change));
    Log log;
    auto db = TuningDb::open(file, log.callback());
    REQUIRE(db.ok());
    int visited = 0;
    REQUIRE(db->for_each([&](const Trial& trial) {
                CHECK(same(trial, good));
                return ++visited > 0;
              }).ok());
    CHECK(visited == 1);
    CHECK(log.says("trial 1 counts as a miss"));
    CHECK_FALSE(db->find(bad.environment, bad.problem, bad.config).has_value());
    CHECK(db->find(good.environment, good.problem, good.config).has_value());
    auto choice = db->choose(bad.environment, bad.problem, as_it_is);
    REQUIRE(choice.has_value());
    CHECK(choice->config == good.config);
    CHECK(choice->provenance == Provenance::nearest_size);
    REQUIRE(db->put(bad).ok());  // and can be measured again
    CHECK(db->find(bad.environment, bad.problem, bad.config).has_value());
  }
}

TEST_CASE("a file that is damaged while it is open is set aside at the next failure") {
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "tuning.db";
  auto stored = fill(file, 24000, 24);
  Log log;
  auto db = TuningDb::open(file, log.callback());
  REQUIRE(db.ok());
  {
    std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekp(100);
    bytes << std::string((6 << 20), '\xa5');
  }
  for (const auto& [key, trial] : stored) {
    auto found = db->find(trial.environment, trial.problem, trial.config);
    if (found && !same(*found, trial)) FAIL_CHECK("a wrong row: ", key);
  }
  Trial fresh = trial_of(environment_here(), problem_of(7), config_of(3), 1e-3);
  REQUIRE(db->put(fresh).ok());
  CHECK(log.says("set aside as "));
  CHECK_FALSE(db->in_memory());
  auto again = TuningDb::open(file);
  REQUIRE(again.ok());
  CHECK(again->find(fresh.environment, fresh.problem, fresh.config).has_value());
}
