// Several processes with one tuning database, and processes that end at the wrong moment.
#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "child_process.h"
#include "fftconv/tuning_db.h"
#include "sqlite.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

Trial numbered(int writer, int n) {
  return trial_of(environment_here(), problem_of(256 + n, 1 + writer), config_of(8), 1e-3 + 1e-6 * n);
}

bool holds(TuningDb& db, const Trial& trial) {
  auto found = db.find(trial.environment, trial.problem, trial.config);
  return found && same(*found, trial);
}

}  // namespace

TEST_CASE("eight processes that create and write one database at once: no trial lost, none doubled") {
  for (int round = 0; round < 3; ++round) {
    TemporaryDirectory directory(Where::memory);
    constexpr int writers = 8, rows = 30;
    std::vector<pid_t> children;
    for (int writer = 0; writer < writers; ++writer)
      children.push_back(start_child([&] {
        auto db = TuningDb::open(directory / "tuning.db");
        if (!db || db->in_memory()) return 1;
        for (int n = 0; n < rows; ++n) {
          if (!db->put(numbered(writer, n))) return 2;
          if (!db->put(numbered(99, n))) return 3;  // all write these as well
        }
        return db->in_memory() ? 4 : 0;
      }));
    for (pid_t child : children) CHECK(wait_for(child) == 0);
    Log log;
    auto db = TuningDb::open(directory / "tuning.db", log.callback());
    REQUIRE(db.ok());
    int count = 0;
    REQUIRE(db->for_each([&](const Trial&) { return ++count > 0; }).ok());
    CHECK(count == (writers + 1) * rows);
    for (int writer = 0; writer < writers; ++writer)
      for (int n = 0; n < rows; ++n) CHECK(holds(*db, numbered(writer, n)));
    CHECK(log.lines.empty());
  }
}

TEST_CASE("a writer that is killed at any moment loses no trial whose put had returned") {
  TemporaryDirectory directory;
  std::mt19937_64 random(31);
  int committed_in_all = 0;
  for (int round = 0; round < 30; ++round) {
    CAPTURE(round);
    int done[2];
    REQUIRE(pipe(done) == 0);
    pid_t child = start_child([&] {
      auto db = TuningDb::open(directory / "tuning.db");
      if (!db) return 1;
      for (int n = 0; n < 100000; ++n) {
        if (!db->put(numbered(round, n))) return 2;
        if (write(done[1], "x", 1) != 1) return 3;
      }
      return 0;
    });
    close(done[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(2000 + random() % 60000));
    kill(child, SIGKILL);
    CHECK(wait_for(child) == -SIGKILL);
    int committed = 0;
    char byte = 0;
    while (read(done[0], &byte, 1) == 1) ++committed;
    close(done[0]);
    Log log;
    auto db = TuningDb::open(directory / "tuning.db", log.callback());
    REQUIRE(db.ok());
    for (int n = 0; n < committed; ++n) REQUIRE(holds(*db, numbered(round, n)));
    CHECK(log.lines.empty());
    committed_in_all += committed;
  }
  MESSAGE("trials committed before the kills: ", committed_in_all);
  CHECK(committed_in_all > 30);
}

TEST_CASE("put waits for another writer, and says what to do where it does not end") {
  TemporaryDirectory directory;
  std::string file = (directory / "tuning.db").string();
  auto db = TuningDb::open(file);
  REQUIRE(db.ok());
  auto other = sqlite::Connection::open(file, sqlite::OpenMode::read_write, 0);
  REQUIRE(other.ok());

  REQUIRE(other->run("BEGIN IMMEDIATE").ok());
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    (void)other->run("COMMIT");
  });
  CHECK(db->put(numbered(0, 1)).ok());
  release.join();

  REQUIRE(other->run("BEGIN IMMEDIATE").ok());
  auto put = db->put(numbered(0, 2));
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().code == ErrorCode::busy);
  CHECK(put.error().message.find("locked by another process") != std::string::npos);
  CHECK(put.error().message.find("try again") != std::string::npos);
  CHECK(holds(*db, numbered(0, 1)));  // reading goes on meanwhile
  REQUIRE(other->run("COMMIT").ok());
  CHECK(db->put(numbered(0, 2)).ok());
  CHECK_FALSE(db->in_memory());
}

TEST_CASE("a database that another process holds for itself cannot be opened: busy") {
  TemporaryDirectory directory;
  std::string file = (directory / "tuning.db").string();
  { REQUIRE(TuningDb::open(file).ok()); }
  auto other = sqlite::Connection::open(file, sqlite::OpenMode::read_write, 0);
  REQUIRE(other.ok());
  REQUIRE(other->run("PRAGMA locking_mode=EXCLUSIVE").ok());
  REQUIRE(other->run("BEGIN EXCLUSIVE").ok());
  auto db = TuningDb::open(file);
  REQUIRE_FALSE(db.ok());
  CHECK(db.error().code == ErrorCode::busy);
  CHECK(db.error().message.find(file) != std::string::npos);
}

TEST_CASE("a file that is removed while it is open is followed") {
  TemporaryDirectory directory;
  Log log;
  auto db = TuningDb::open(directory / "tuning.db", log.callback());
  REQUIRE(db.ok());
  REQUIRE(db->put(numbered(0, 1)).ok());
  for (const char* name : {"tuning.db", "tuning.db-wal", "tuning.db-shm"}) std::filesystem::remove(directory / name);
  REQUIRE(db->put(numbered(0, 2)).ok());
  CHECK(log.says("the file was replaced"));
  auto again = TuningDb::open(directory / "tuning.db");
  REQUIRE(again.ok());
  CHECK(holds(*again, numbered(0, 2)));
}

TEST_CASE("a file that another was renamed over is followed at the next write") {
  TemporaryDirectory directory;
  {
    auto other = TuningDb::open(directory / "other.db");
    REQUIRE(other.ok());
    REQUIRE(other->put(numbered(1, 7)).ok());
  }
  Log log;
  {
    auto db = TuningDb::open(directory / "tuning.db", log.callback());
    REQUIRE(db.ok());
    REQUIRE(db->put(numbered(0, 1)).ok());
    for (const char* name : {"tuning.db-wal", "tuning.db-shm"}) std::filesystem::remove(directory / name);
    std::filesystem::rename(directory / "other.db", directory / "tuning.db");
    REQUIRE(db->put(numbered(0, 2)).ok());
    INFO(log.text());
    CHECK(log.says("the file was replaced"));
    CHECK(holds(*db, numbered(1, 7)));
    CHECK_FALSE(db->in_memory());
  }
  auto again = TuningDb::open(directory / "tuning.db");
  REQUIRE(again.ok());
  CHECK(holds(*again, numbered(1, 7)));
  CHECK(holds(*again, numbered(0, 2)));
}

// The log of the old file is then taken for the new one's: what comes of it may be damaged, and must not be wrong.
TEST_CASE("a file that another was renamed over, beside the old one's log, gives no wrong row") {
  TemporaryDirectory directory;
  {
    auto other = TuningDb::open(directory / "other.db");
    REQUIRE(other.ok());
    for (int n = 0; n < 40; ++n) REQUIRE(other->put(numbered(1, n)).ok());
  }
  Log log;
  {
    auto db = TuningDb::open(directory / "tuning.db", log.callback());
    REQUIRE(db.ok());
    for (int n = 0; n < 10; ++n) REQUIRE(db->put(numbered(0, n)).ok());
    std::filesystem::rename(directory / "other.db", directory / "tuning.db");
    REQUIRE(db->put(numbered(0, 20)).ok());
    CHECK(log.says("the file was replaced"));
    CHECK(holds(*db, numbered(0, 20)));
  }
  INFO(log.text());
  auto again = TuningDb::open(directory / "tuning.db", log.callback());
  REQUIRE(again.ok());
  CHECK_FALSE(again->in_memory());
  CHECK(holds(*again, numbered(0, 20)));
  REQUIRE(again
              ->for_each([&](const Trial& trial) {
                const auto n = static_cast<int>(trial.problem.seqlen - 256);
                CHECK(same(trial, numbered(static_cast<int>(trial.problem.batch) - 1, n)));
                return true;
              })
              .ok());
}

TEST_CASE("a file that another process cuts short while it is open: no wrong row, and writing goes on") {
  TemporaryDirectory directory;
  const auto file = directory / "tuning.db";
  {
    auto filled = TuningDb::open(file);
    REQUIRE(filled.ok());
    for (int n = 0; n < 60; ++n) REQUIRE(filled->put(numbered(0, n)).ok());
  }
  for (const std::uintmax_t size : {std::uintmax_t{0}, std::uintmax_t{100}, std::uintmax_t{9000}}) {
    CAPTURE(size);
    Log log;
    auto db = TuningDb::open(file, log.callback());
    REQUIRE(db.ok());
    std::filesystem::resize_file(file, size);
    for (int n = 0; n < 60; ++n) {
      const Trial trial = numbered(0, n);
      const auto found = db->find(trial.environment, trial.problem, trial.config);
      if (found) CHECK(same(*found, trial));
    }
    for (int n = 0; n < 60; ++n) REQUIRE(db->put(numbered(0, n)).ok());
    INFO(log.text());
    CHECK_FALSE(db->in_memory());
    auto again = TuningDb::open(file);
    REQUIRE(again.ok());
    for (int n = 0; n < 60; ++n) CHECK(holds(*again, numbered(0, n)));
  }
}

TEST_CASE("a visit may store, even where that makes the database open another file") {
  TemporaryDirectory directory;
  auto db = TuningDb::open(directory / "tuning.db");
  REQUIRE(db.ok());
  for (int n = 0; n < 5; ++n) REQUIRE(db->put(numbered(0, n)).ok());
  for (const char* name : {"tuning.db", "tuning.db-wal", "tuning.db-shm"}) std::filesystem::remove(directory / name);
  int visited = 0;
  REQUIRE(db->for_each([&](const Trial& trial) {
              Trial other = trial;
              other.problem.batch = 1000 + visited++;
              CHECK(db->put(other).ok());
              return true;
            }).ok());
  CHECK(visited == 5);
}
