// Where a merge may take trials from: from anybody's file in any folder, as a private copy that is checked whole.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <thread>

#include "child_process.h"
#include "damaged_copies.h"
#include "exchange.h"
#include "sqlite.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

Trial numbered(int n) {
  Trial trial = trial_of(environment_here(), problem_of(256 + n), config_of(8), 1e-3 + 1e-6 * n);
  trial.measurement.samples.assign(20, 1e-3);
  return trial;
}

void fill(const fs::path& file, int count) {
  std::string lines;
  for (int n = 0; n < count; ++n) lines += format_line(numbered(n)) + "\n";
  auto db = TuningDb::open(file);
  REQUIRE(db.ok());
  REQUIRE(db->import_lines(lines).ok());
}

/// Trials that `db` holds; fails the test on one that is none of ours.
int count_of(TuningDb& db) {
  int count = 0;
  REQUIRE(db.for_each([&](const Trial& trial) {
              CHECK(same(trial, numbered(static_cast<int>(trial.problem.seqlen) - 256)));
              return ++count > 0;
            }).ok());
  return count;
}

/// Names and contents of a folder.
std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::directory_iterator(folder))
    contents[entry.path().filename().string()] = entry.is_regular_file() ? read_bytes(entry.path()) : "";
  return contents;
}

/// Temporary files go into a folder of the test's own, which must be empty afterwards.
class TemporaryFiles {
 public:
  TemporaryFiles() {
    if (const char* set = std::getenv("TMPDIR")) before_ = set;
    setenv("TMPDIR", folder_.path().c_str(), 1);
  }
  TemporaryFiles(const TemporaryFiles&) = delete;
  TemporaryFiles& operator=(const TemporaryFiles&) = delete;
  ~TemporaryFiles() {
    CHECK(fs::is_empty(folder_.path()));
    before_.empty() ? unsetenv("TMPDIR") : setenv("TMPDIR", before_.c_str(), 1);
  }

 private:
  TemporaryDirectory folder_{Where::memory};
  std::string before_;
};

Error refusal_of(const fs::path& file) {
  auto opened = TuningDb::open_copy(file);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().message.find(file.string()) != std::string::npos);
  return opened.error();
}

}  // namespace

TEST_CASE("trials are taken from folders and files that others may write, and from those of others") {
  struct Place {
    const char* what;
    std::function<bool(const fs::path&, const fs::path&)> make;  // false: this user may not
  };
  const auto mode = [](unsigned folder, unsigned file) {
    return [=](const fs::path& at, const fs::path& db) {
      return chmod(at.c_str(), folder) == 0 && chmod(db.c_str(), file) == 0;
    };
  };
  const Place places[] = {
      {"folder of umask 002", mode(0775, 0664)},
      {"like /tmp", mode(01777, 0644)},
      {"file that all may write", mode(0755, 0666)},
      {"file and folder that nobody may write", mode(0555, 0444)},
      {"file of another user",
       [](const fs::path&, const fs::path& db) { return chown(db.c_str(), kNobody, kNobody) == 0; }},
      {"folder of another user",
       [](const fs::path& at, const fs::path&) { return chown(at.c_str(), kNobody, kNobody) == 0; }},
  };
  for (const Place& place : places) {
    CAPTURE(std::string(place.what));
    const TemporaryFiles temporary;
    const TemporaryDirectory directory(Where::memory);
    const fs::path file = directory / "home/tuning.db";
    fill(file, 50);
    if (!place.make(directory / "home", file)) {
      MESSAGE("skipped, needs to be root: ", place.what);
      continue;
    }
    const auto before = contents_of(directory / "home");
    Log log;
    auto source = TuningDb::open_copy(file, log.callback());
    REQUIRE(source.ok());
    auto to = in_memory();
    CHECK(to.merge(*source).value() == 50);
    CHECK(count_of(to) == 50);
    CHECK(log.lines.empty());
    CHECK_FALSE(source->in_memory());
    CHECK(source->file() == file);
    CHECK_FALSE(source->put(numbered(99)).ok());
    CHECK(contents_of(directory / "home") == before);
    REQUIRE(chmod((directory / "home").c_str(), 0700) == 0);
  }
}

TEST_CASE("a user takes trials from another user's folder, and is told where that may not be read") {
  if (geteuid() != 0) {
    MESSAGE("skipped, needs to be root");
    return;
  }
  const TemporaryDirectory directory(Where::memory);
  const fs::path file = directory / "home/tuning.db";
  fill(file, 5);
  for (const fs::path& folder : {directory.path(), fs::path(directory / "home")})
    REQUIRE(chmod(folder.c_str(), 0755) == 0);
  const auto as_nobody = [&] {
    return in_child([&] {
      if (setuid(kNobody) != 0) return 10;
      auto source = TuningDb::open_copy(file);
      if (!source) return source.error().message.find("Permission denied") != std::string::npos ? 1 : 11;
      auto to = TuningDb::open({});
      const auto merged = to->merge(*source);
      return merged && *merged == 5 ? 0 : 12;
    });
  };
  CHECK(as_nobody() == 1);
  REQUIRE(chmod(file.c_str(), 0644) == 0);
  CHECK(as_nobody() == 0);
}

TEST_CASE("what is no regular file is refused with a sentence, and nothing waits for it") {
  const TemporaryFiles temporary;
  const TemporaryDirectory directory(Where::memory);
  const fs::path file = directory / "tuning.db";
  CHECK(refusal_of(file).code == ErrorCode::not_found);
  fill(file, 5);
  fs::create_symlink(file, directory / "link.db");
  CHECK(refusal_of(directory / "link.db").message.find("symbolic link") != std::string::npos);
  REQUIRE(mkfifo((directory / "pipe.db").c_str(), 0600) == 0);
  CHECK(refusal_of(directory / "pipe.db").message.find("not a regular file") != std::string::npos);
  CHECK(refusal_of(directory.path()).message.find("not a regular file") != std::string::npos);
  for (const char* beside : {"-wal", "-journal"}) {
    CAPTURE(std::string(beside));
    fs::create_symlink("/etc/hostname", file.string() + beside);
    CHECK(refusal_of(file).message.find("symbolic link") != std::string::npos);
    fs::remove(file.string() + beside);
  }
  CHECK(TuningDb::open_copy(file).ok());
}

TEST_CASE("what a log beside the file holds is taken too, and an interrupted transaction is not") {
  const TemporaryFiles temporary;
  const TemporaryDirectory directory(Where::memory);
  const fs::path open = directory / "open.db", file = directory / "tuning.db";
  {
    auto db = TuningDb::open(open);
    REQUIRE(db.ok());
    for (int n = 0; n < 20; ++n) REQUIRE(db->put(numbered(n)).ok());
    fs::copy_file(open, file);
    fs::copy_file(open.string() + "-wal", file.string() + "-wal");
  }
  auto before = contents_of(directory.path());
  auto logged = TuningDb::open_copy(file);
  REQUIRE(logged.ok());
  CHECK(count_of(*logged) == 20);
  CHECK(contents_of(directory.path()) == before);

  fs::remove(file.string() + "-wal");
  fs::remove(file);
  {
    auto writer = sqlite::Connection::open(open.string(), sqlite::OpenMode::read_write, 0);
    REQUIRE(writer.ok());
    for (const char* statement : {"PRAGMA journal_mode=DELETE", "PRAGMA cache_size=1", "BEGIN",
                                  "UPDATE trial SET reason=hex(zeroblob(3000))"})
      REQUIRE(writer->run(statement).ok());
    fs::copy_file(open, file);  // half written
    fs::copy_file(open.string() + "-journal", file.string() + "-journal");
    REQUIRE(writer->run("ROLLBACK").ok());
  }
  REQUIRE(read_bytes(file) != read_bytes(open));
  before = contents_of(directory.path());
  Log log;
  auto interrupted = TuningDb::open_copy(file, log.callback());
  REQUIRE(interrupted.ok());
  CHECK(count_of(*interrupted) == 20);
  CHECK(log.lines.empty());
  CHECK(contents_of(directory.path()) == before);
}

TEST_CASE("a database that another process writes to is taken as it stood at one moment") {
  const TemporaryFiles temporary;
  const TemporaryDirectory directory(Where::memory);
  const fs::path file = directory / "tuning.db";
  fill(file, 1);
  constexpr int last = 20;
  const pid_t child = start_child([&] {
    auto db = TuningDb::open(file);
    for (int n = 1; n <= last; ++n) {
      if (!db || !db->put(numbered(n)) || db->in_memory()) return 1;
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
    }
    return 0;
  });
  auto to = in_memory();
  int trials = 0, rounds = 0;
  while (trials <= last && rounds < 1000) {
    auto source = TuningDb::open_copy(file);
    INFO((source.ok() ? std::string() : source.error().message));
    REQUIRE(source.ok());
    const int now = count_of(*source);
    CHECK(now >= trials);
    trials = now;
    REQUIRE(to.merge(*source).ok());
    ++rounds;
  }
  CHECK(wait_for(child) == 0);
  CHECK(count_of(to) == last + 1);
  CHECK(rounds > 2);
}

TEST_CASE("hundreds of damaged sources: refused with a sentence, or their sound rows alone and the rest told") {
  constexpr auto kinds = static_cast<std::size_t>(Damage::kinds);
  const TemporaryFiles temporary;
  const TemporaryDirectory directory(Where::memory);
  constexpr int trials = 60;
  fill(directory / "whole.db", trials);
  const std::string whole = read_bytes(directory / "whole.db");
  const fs::path file = directory / "tuning.db";
  int refused = 0;
  for (unsigned seed = 0; seed < 160; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto kind = static_cast<Damage>(seed % kinds);
    write_bytes(file, damaged(whole, kind, random));
    if (kind == Damage::foreign_schema) make_foreign(file, "trial", "trial_best", random);
    const std::string bytes = read_bytes(file);
    Log log;
    auto to = in_memory();
    auto source = TuningDb::open_copy(file, log.callback());
    if (source) {
      auto merged = to.merge(*source);
      REQUIRE(merged.ok());
      CHECK(count_of(to) == *merged);
      if (*merged < trials) CHECK_FALSE(log.lines.empty());
    } else {
      CHECK(source.error().message.starts_with("tuning database " + file.string() + " cannot be read: "));
      ++refused;
    }
    if (kind == Damage::foreign_schema) CHECK_FALSE(source.ok());
    CHECK(read_bytes(file) == bytes);
    CHECK_FALSE(fs::exists(file.string() + ".damaged-1"));
  }
  write_bytes(file, "");
  CHECK(refusal_of(file).message.find("it is empty") != std::string::npos);
  MESSAGE(fmt::format("{} of 160 refused", refused));
  CHECK(refused > 50);
}

TEST_CASE("a row that is not sound is left out and told, and the others are taken") {
  const TemporaryDirectory directory(Where::memory);
  const fs::path file = directory / "tuning.db";
  fill(file, 10);
  run_sql(file, "UPDATE trial SET samples=zeroblob(160) WHERE id=3");
  Log log;
  auto source = TuningDb::open_copy(file, log.callback());
  REQUIRE(source.ok());
  auto to = in_memory();
  CHECK(to.merge(*source).value() == 9);
  CHECK(count_of(to) == 9);
  CHECK(log.lines.size() == 1);
  CHECK(log.says("trial 3 counts as a miss: its checksum does not match its content"));
}

TEST_CASE("a large file with one bad page is refused before a trial is taken, however it was opened") {
  const TemporaryDirectory directory(Where::memory);
  const fs::path file = directory / "tuning.db";
  fill(file, 24000);
  std::string bytes = read_bytes(file);
  REQUIRE(bytes.size() > (8u << 20));
  constexpr char table_leaf = 0x0d;
  std::size_t page = (bytes.size() / kPage - 1) * kPage;
  while (bytes[page] != table_leaf) page -= kPage;
  bytes[page] = 0x55;  // of the last trials
  write_bytes(file, bytes);
  auto to = in_memory();
  auto opened = TuningDb::open(file, {}, true);  // large: not checked yet
  REQUIRE(opened.ok());
  REQUIRE_FALSE(opened->in_memory());
  const auto merged = to.merge(*opened);
  REQUIRE_FALSE(merged.ok());
  CHECK(merged.error().code == ErrorCode::damaged);
  INFO(merged.error().message);
  CHECK(merged.error().message.starts_with(file.string() + " is not merged: "));
  CHECK(count_of(to) == 0);
  CHECK(refusal_of(file).code == ErrorCode::damaged);
}

TEST_CASE("sources of an earlier version are taken, those of a later one are refused") {
  const TemporaryDirectory directory(Where::memory);
  const fs::path file = directory / "tuning.db";
  fill(file, 5);
  run_sql(
      file,
      "DROP TABLE sweep; DROP INDEX trial_environment; ALTER TABLE trial DROP COLUMN predicted_s; ALTER TABLE "
      "search DROP COLUMN compiled; ALTER TABLE search DROP COLUMN refused; ALTER TABLE search DROP COLUMN first; "
      "PRAGMA user_version=1");
  const std::string bytes = read_bytes(file);
  {
    auto source = TuningDb::open_copy(file);
    REQUIRE(source.ok());
    CHECK(count_of(*source) == 5);
  }
  CHECK(read_bytes(file) == bytes);
  run_sql(file, "PRAGMA user_version=99");
  CHECK(refusal_of(file).code == ErrorCode::unsupported);
}
