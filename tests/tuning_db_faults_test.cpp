// Every file operation fails once, one after another: what was committed is there afterwards, and the file is sound.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "fault_vfs.h"
#include "fftconv/kernel_cache.h"
#include "fftconv/tuning_db.h"
#include "sqlite.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

namespace fs = std::filesystem;

constexpr int kOld = 12;  // trials that are there before the fault

Trial numbered(int n) {
  Trial trial = trial_of(environment_here(), problem_of(256 + n), config_of(8), 1e-3 + 1e-6 * n);
  trial.measurement.samples.assign(100, 1e-3);
  return trial;
}

struct Outcome {
  int operations = 0;  ///< of the kind, in the whole run
  int failed = 0;
  bool opened = false;
  std::set<int> committed, attempted;
  std::string log;
};

// Opens the file and stores eight trials, with the fault in force from the beginning.
Outcome store_under(const fs::path& file, const Fault& fault) {
  Outcome outcome;
  FaultVfs vfs(fault);
  Log log;
  {
    auto db = TuningDb::open(file, log.callback());
    outcome.opened = db.ok();
    if (!db) log.lines.push_back(db.error().message);
    for (int n = kOld; db && n < kOld + 8; ++n) {
      outcome.attempted.insert(n);
      auto put = db->put(numbered(n));
      if (!put) log.lines.push_back(put.error().message);
      if (put && !db->in_memory()) outcome.committed.insert(n);
      const auto found = db->find(numbered(n).environment, numbered(n).problem, numbered(n).config);
      if (found) CHECK(same(*found, numbered(n)));
    }
  }
  outcome.operations = vfs.fault.seen;
  outcome.failed = vfs.fault.failed;
  outcome.log = log.text();
  return outcome;
}

std::string verdict_of(const fs::path& file) {
  auto db = sqlite::Connection::open(file.string(), sqlite::OpenMode::read_write, 1000);
  if (!db) return db.error().message;
  auto verdict = db->text_of("PRAGMA integrity_check");
  return verdict ? *verdict : verdict.error().message;
}

struct Base {
  TemporaryDirectory directory{Where::memory};
  Base() {
    auto db = TuningDb::open(directory / "base.db");
    REQUIRE(db.ok());
    for (int n = 0; n < kOld; ++n) REQUIRE(db->put(numbered(n)).ok());
  }
  fs::path fresh_copy() const {
    for (const auto& entry : fs::directory_iterator(directory.path()))
      if (entry.path().filename() != "base.db") fs::remove_all(entry.path());
    fs::path file = directory / "tuning.db";
    fs::copy_file(directory / "base.db", file);
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    return file;
  }
};

struct Kind {
  const char* name;
  Operation operation;
  int code;
  bool lasting;
};

}  // namespace

TEST_CASE("whichever file operation fails, the file is sound and holds every committed trial") {
  const Kind kinds[] = {
      {"full disk", Operation::write, SQLITE_FULL, true},
      {"one failed write", Operation::write, SQLITE_IOERR_WRITE, false},
      {"failing writes", Operation::write, SQLITE_IOERR_WRITE, true},
      {"one failed sync", Operation::sync, SQLITE_IOERR_FSYNC, false},
      {"failing syncs", Operation::sync, SQLITE_IOERR_FSYNC, true},
      {"one failed read", Operation::read, SQLITE_IOERR_READ, false},
      {"failing reads", Operation::read, SQLITE_IOERR_READ, true},
      {"failing truncations", Operation::truncate, SQLITE_IOERR_TRUNCATE, true},
      {"failing removals", Operation::remove, SQLITE_IOERR_DELETE, true},
      {"locks that fail", Operation::lock, SQLITE_IOERR_LOCK, true},
      {"shared memory that fails", Operation::shared_memory, SQLITE_IOERR_SHMMAP, true},
      {"memory that ends", Operation::read, SQLITE_IOERR_NOMEM, false},
  };
  const Base base;
  for (const Kind& kind : kinds) {
    CAPTURE(std::string(kind.name));
    int faults = 0, committed = 0;
    for (int at = 1;; ++at) {
      CAPTURE(at);
      const fs::path file = base.fresh_copy();
      const Outcome outcome =
          store_under(file, {.operation = kind.operation, .at = at, .code = kind.code, .lasting = kind.lasting});
      INFO(outcome.log);
      if (outcome.failed == 0) {
        CHECK(outcome.committed.size() == 8);
        break;
      }
      ++faults;
      committed += static_cast<int>(outcome.committed.size());
      CHECK(verdict_of(file) == "ok");
      CHECK_FALSE(fs::exists(file.string() + ".damaged-1"));  // a disk that fails says nothing against the file
      Log log;
      auto again = TuningDb::open(file, log.callback());
      REQUIRE(again.ok());
      CHECK_FALSE(again->in_memory());
      INFO(log.text());
      CHECK(log.lines.empty());
      std::set<int> present;
      REQUIRE(again
                  ->for_each([&](const Trial& trial) {
                    const int n = static_cast<int>(trial.problem.seqlen) - 256;
                    CHECK(same(trial, numbered(n)));
                    CHECK(present.insert(n).second);
                    return true;
                  })
                  .ok());
      for (int n = 0; n < kOld; ++n) CHECK(present.contains(n));
      for (int n : outcome.committed) CHECK(present.contains(n));
      // A commit whose last step failed may have reached the disk all the same; nothing else may be there.
      for (int n : present) CHECK((n < kOld || outcome.attempted.contains(n)));
      CHECK(present.size() <= kOld + outcome.committed.size() + 1);
      REQUIRE(again->put(numbered(500)).ok());
      CHECK_FALSE(again->in_memory());
    }
    MESSAGE(fmt::format("{}: {} places, {} trials committed in spite of it", kind.name, faults, committed));
  }
}

TEST_CASE("a file system whose shared memory fails is used with journal mode DELETE, both files, logged") {
  const TemporaryDirectory directory(Where::memory);
  FaultVfs vfs({.operation = Operation::shared_memory, .at = 1, .code = SQLITE_IOERR_SHMMAP});
  Log log;
  {
    auto db = TuningDb::open(directory / "tuning.db", log.callback());
    auto cache = KernelCache::open(directory / "kernels.db", log.callback());
    REQUIRE(db.ok());
    REQUIRE(cache.ok());
    INFO(log.text());
    CHECK(log.says("tuning.db: the file system refuses write-ahead logging; journal mode is delete"));
    CHECK(log.says("kernels.db: the file system refuses write-ahead logging; journal mode is delete"));
    REQUIRE(db->put(numbered(1)).ok());
    REQUIRE(cache->put({"digest", "sm_90a", "nvrtc 13.0", "-O3"}, {.binary = {std::byte{7}}}).ok());
    CHECK_FALSE(db->in_memory());
    CHECK_FALSE(cache->in_memory());
  }
  auto plain = sqlite::Connection::open((directory / "tuning.db").string(), sqlite::OpenMode::read_write, 0);
  REQUIRE(plain.ok());
  CHECK(plain->text_of("PRAGMA journal_mode").value() == "delete");
  CHECK(plain->text_of("PRAGMA integrity_check").value() == "ok");
}

TEST_CASE("a file in WAL mode that comes to a file system without shared memory is used, with all its trials") {
  const Base base;
  const fs::path file = base.fresh_copy();
  Log log;
  {
    FaultVfs vfs({.operation = Operation::shared_memory, .at = 1, .code = SQLITE_IOERR_SHMMAP});
    auto db = TuningDb::open(file, log.callback());
    REQUIRE(db.ok());
    INFO(log.text());
    CHECK(log.says("journal mode is delete"));
    REQUIRE(db->put(numbered(kOld)).ok());
    CHECK_FALSE(db->in_memory());
    // The lock of the change is gone: others get in.
    auto other = TuningDb::open(file);
    REQUIRE(other.ok());
    REQUIRE(other->put(numbered(kOld + 1)).ok());
    CHECK_FALSE(other->in_memory());
  }
  auto again = TuningDb::open(file);
  REQUIRE(again.ok());
  for (int n = 0; n < kOld + 2; ++n)
    CHECK(again->find(numbered(n).environment, numbered(n).problem, numbered(n).config).has_value());
}

TEST_CASE("where locks cannot be had from the beginning, work goes on in memory, logged") {
  const TemporaryDirectory directory(Where::memory);
  {
    auto db = TuningDb::open(directory / "tuning.db");
    REQUIRE(db.ok());
    REQUIRE(db->put(numbered(1)).ok());
  }
  FaultVfs vfs({.operation = Operation::lock, .at = 1, .code = SQLITE_IOERR_LOCK});
  Log log;
  auto db = TuningDb::open(directory / "tuning.db", log.callback());
  REQUIRE(db.ok());
  CHECK(db->in_memory());
  CHECK(log.says("what is learned stays in memory and ends with the process"));
  CHECK(db->put(numbered(2)).ok());
}
