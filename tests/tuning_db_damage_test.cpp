// Damaged copies of a tuning database: no crash, no wrong row, nothing lost without a word.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "exchange.h"
#include "fftconv/tuning_db.h"
#include "sqlite.h"
#include "thinned.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

namespace fs = std::filesystem;

std::string read_bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

void run_sql(const fs::path& file, const std::string& sql) {
  auto db = sqlite::Connection::open(file.string(), sqlite::OpenMode::read_write, 1000);
  REQUIRE(db.ok());
  sqlite3_db_config(db->handle(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
  REQUIRE(sqlite3_exec(db->handle(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
}

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

enum class Kind { bytes, run, truncated, swapped_pages, zero_page, header, grown, kinds };

std::string damage(std::string bytes, Kind kind, std::mt19937_64& random) {
  constexpr std::size_t page = 4096;
  auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % std::max<std::size_t>(n, 1)); };
  std::size_t pages = bytes.size() / page;
  switch (kind) {
    case Kind::bytes:
      for (std::size_t i = 0, n = 1 + below(8); i < n; ++i) bytes[below(bytes.size())] = static_cast<char>(random());
      break;
    case Kind::run:
      for (std::size_t at = below(bytes.size()), end = std::min(at + 1 + below(600), bytes.size()); at < end; ++at)
        bytes[at] = static_cast<char>(random());
      break;
    case Kind::truncated:
      bytes.resize(below(bytes.size()));
      break;
    case Kind::swapped_pages: {
      std::size_t a = below(pages), b = below(pages);
      for (std::size_t i = 0; i < page; ++i) std::swap(bytes[a * page + i], bytes[b * page + i]);
      break;
    }
    case Kind::zero_page:
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(below(pages) * page), page, '\0');
      break;
    case Kind::header:
      bytes[below(100)] = static_cast<char>(random());
      break;
    default:
      for (std::size_t i = 0, n = below(9000); i < n; ++i) bytes += static_cast<char>(random());
  }
  return bytes;
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
    auto kind = static_cast<Kind>(seed % static_cast<unsigned>(Kind::kinds));
    write_bytes(file, damage(whole, kind, random));
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

TEST_CASE("a large database, checked row by row: no crash and no wrong row") {
  TemporaryDirectory directory(Where::memory);
  auto stored = fill(directory / "whole.db", 24000, 22);
  std::string whole = read_bytes(directory / "whole.db");
  REQUIRE(whole.size() > (8u << 20));  // above the size that is checked completely when opened
  fs::path file = directory / "tuning.db";
  int told = 0;
  for (unsigned seed = 0; seed < (test::kSanitized ? 7 : 28); ++seed) {
    CAPTURE(seed);
    for (const auto& entry : fs::directory_iterator(directory.path()))
      if (entry.path().filename() != "whole.db") fs::remove(entry.path());
    std::mt19937_64 random(seed);
    auto kind = static_cast<Kind>(seed % static_cast<unsigned>(Kind::kinds));
    std::string bytes = damage(whole, kind, random);
    for (int more = 0; more < 20 && kind == Kind::bytes; ++more) bytes = damage(bytes, kind, random);
    write_bytes(file, bytes);
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
    int n = 0;
    for (const auto& [key, trial] : stored) {
      if (++n % 100 != 0) continue;
      auto found = db->find(trial.environment, trial.problem, trial.config);
      if (found) CHECK(same(*found, trial));
    }
    Trial fresh = trial_of(environment_here(), problem_of(7), config_of(3), 1e-3);
    REQUIRE(db->put(fresh).ok());
    CHECK(db->find(fresh.environment, fresh.problem, fresh.config).has_value());
  }
  CHECK(told > (test::kSanitized ? 2 : 10));
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
