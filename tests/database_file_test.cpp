// Where both databases may live and what happens where they may not: one set of rules for TuningDb and KernelCache.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "child_process.h"
#include "fftconv/kernel_cache.h"
#include "fftconv/tuning_db.h"
#include "sqlite.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

namespace fs = std::filesystem;

Trial a_trial(int n = 0) { return trial_of(environment_here(), problem_of(1024 + n), config_of(8), 1e-3); }

KernelKey a_key(int n = 0) { return {fmt::format("digest{}", n), "sm_90a", "nvrtc 13.0", "-O3"}; }

CachedKernel a_kernel(std::size_t bytes = 100) {
  CachedKernel kernel;
  kernel.binary.assign(bytes, std::byte{7});
  return kernel;
}

// One interface over both, so that every rule is tested on both.
struct Both {
  const char* name;
  // Opens, stores number n and reads it back. -1: did not open, -2: was not stored, -3: was not found;
  // otherwise 1 in memory, 0 in the file.
  int (*use)(const fs::path& file, LogCallback log, int n);
  // 1 = number n is there, 0 = it is not, -1 = did not open.
  int (*look)(const fs::path& file, LogCallback log, int n, bool read_only);
};

const Both databases[] = {
    {"TuningDb",
     [](const fs::path& file, LogCallback log, int n) {
       auto db = TuningDb::open(file, std::move(log));
       if (!db) return -1;
       if (!db->put(a_trial(n))) return -2;
       if (!db->find(a_trial(n).environment, a_trial(n).problem, a_trial(n).config)) return -3;
       return db->in_memory() ? 1 : 0;
     },
     [](const fs::path& file, LogCallback log, int n, bool read_only) {
       auto db = TuningDb::open(file, std::move(log), read_only);
       if (!db) return -1;
       return db->find(a_trial(n).environment, a_trial(n).problem, a_trial(n).config) ? 1 : 0;
     }},
    {"KernelCache",
     [](const fs::path& file, LogCallback log, int n) {
       auto cache = KernelCache::open(file, std::move(log));
       if (!cache) return -1;
       if (!cache->put(a_key(n), a_kernel())) return -2;
       if (!cache->find(a_key(n))) return -3;
       return cache->in_memory() ? 1 : 0;
     },
     [](const fs::path& file, LogCallback log, int n, bool read_only) {
       auto cache = KernelCache::open(file, std::move(log), 1 << 20, read_only);
       if (!cache) return -1;
       return cache->find(a_key(n)) ? 1 : 0;
     }},
};

unsigned mode_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

std::string read_bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void set_pragma(const fs::path& file, const std::string& pragma) {
  auto db = sqlite::Connection::open(file.string(), sqlite::OpenMode::read_write, 1000);
  REQUIRE(db.ok());
  REQUIRE(db->run(pragma).ok());
}

}  // namespace

TEST_CASE("directories are made for this user alone, and so are files") {
  umask(0);
  for (const Both& both : databases) {
    CAPTURE(both.name);
    TemporaryDirectory directory(Where::memory);
    Log log;
    CHECK(both.use(directory / "a/b/c.db", log.callback(), 1) == 0);
    CHECK(log.lines.empty());
    CHECK(mode_of(directory / "a") == 0700);
    CHECK(mode_of(directory / "a/b") == 0700);
    for (const auto& entry : fs::directory_iterator(directory / "a/b")) CHECK(mode_of(entry.path()) == 0600);
  }
  umask(022);
}

TEST_CASE("an empty path is memory, without a word") {
  for (const Both& both : databases) {
    Log log;
    CHECK(both.use({}, log.callback(), 1) == 1);
    CHECK(log.lines.empty());
  }
}

TEST_CASE("places that are not this user's alone are refused: memory, logged, and nothing is touched") {
  struct Place {
    const char* what;
    const char* says;
    std::function<fs::path(const fs::path&)> make;  // gets a directory with home/x.db in it, returns what to open
  };
  auto chmod_of = [](const fs::path& path, unsigned mode) { REQUIRE(chmod(path.c_str(), mode) == 0); };
  const Place places[] = {
      {"symlink for a file", "symbolic link",
       [](const fs::path& at) {
         fs::create_symlink(at / "home/x.db", at / "home/link.db");
         return at / "home/link.db";
       }},
      {"dangling symlink", "symbolic link",
       [](const fs::path& at) {
         fs::create_symlink(at / "elsewhere", at / "home/link.db");
         return at / "home/link.db";
       }},
      {"symlink for a directory", "symbolic link",
       [](const fs::path& at) {
         fs::create_directory_symlink(at / "home", at / "link");
         return at / "link/x.db";
       }},
      {"file that a group may write", "chmod go-w",
       [&](const fs::path& at) {
         chmod_of(at / "home/x.db", 0660);
         return at / "home/x.db";
       }},
      {"file that all may write", "chmod go-w",
       [&](const fs::path& at) {
         chmod_of(at / "home/x.db", 0602);
         return at / "home/x.db";
       }},
      {"directory that a group may write", "chmod go-w",
       [&](const fs::path& at) {
         chmod_of(at / "home", 0770);
         return at / "home/x.db";
       }},
      {"directory that all may write, sticky", "chmod go-w",
       [&](const fs::path& at) {
         chmod_of(at / "home", 01777);
         return at / "home/x.db";
       }},
      {"directory below a file", "is not a directory", [](const fs::path& at) { return at / "home/x.db/below.db"; }},
      {"directory for a file", "not a regular file",
       [](const fs::path& at) {
         fs::create_directory(at / "home/directory.db");
         return at / "home/directory.db";
       }},
      {"file of another user", "belongs to user",
       [](const fs::path& at) {
         if (chown((at / "home/x.db").c_str(), 65534, 65534) != 0) return fs::path();
         return at / "home/x.db";
       }},
      {"directory of another user", "belongs to user",
       [](const fs::path& at) {
         if (chown((at / "home").c_str(), 65534, 65534) != 0) return fs::path();
         return at / "home/x.db";
       }},
      {"a file system that takes no files", "", [](const fs::path&) { return fs::path("/proc/self/x/y.db"); }},
  };
  for (const Both& both : databases) {
    for (const Place& place : places) {
      CAPTURE(both.name);
      CAPTURE(place.what);
      TemporaryDirectory directory(Where::memory);
      REQUIRE(both.use(directory / "home/x.db", {}, 1) == 0);
      std::string before = read_bytes(directory / "home/x.db");
      fs::path file = place.make(directory.path());
      if (file.empty()) {
        MESSAGE("skipped, needs to be root: ", place.what);
        continue;
      }
      Log log;
      INFO(log.text());
      CHECK(both.use(file, log.callback(), 2) == 1);
      CHECK(log.says(place.says));
      CHECK(log.says("in memory"));
      CHECK(both.look(file, log.callback(), 1, true) == 0);
      CHECK(read_bytes(directory / "home/x.db") == before);
      CHECK_FALSE(fs::exists(directory / "elsewhere"));
    }
  }
}

TEST_CASE("a foreign, a later and an unreadable file are each set aside under a name of their own") {
  struct Case {
    const char* what;
    const char* suffix;
    std::function<void(const fs::path&)> make;
  };
  const Case cases[] = {
      {"no database", ".damaged-", [](const fs::path& file) { std::ofstream(file) << std::string(5000, 'x'); }},
      {"a short text", ".damaged-", [](const fs::path& file) { std::ofstream(file) << "hello"; }},
      {"foreign application", ".damaged-", [](const fs::path& file) { set_pragma(file, "PRAGMA application_id=1"); }},
      {"foreign database", ".damaged-",
       [](const fs::path& file) {
         fs::remove(file);
         std::ofstream(file).close();
         set_pragma(file, "CREATE TABLE photographs(a)");
       }},
      {"foreign schema", ".damaged-", [](const fs::path& file) { set_pragma(file, "CREATE TABLE more(a)"); }},
      {"a trigger", ".damaged-",
       [](const fs::path& file) {
         auto db = sqlite::Connection::open(file.string(), sqlite::OpenMode::read_write, 1000);
         REQUIRE(db.ok());
         auto table = db->text_of("SELECT name FROM sqlite_schema WHERE type='table' LIMIT 1");
         REQUIRE(
             db->run("CREATE TRIGGER t AFTER INSERT ON " + *table + " BEGIN DELETE FROM " + *table + "; END").ok());
       }},
      {"later version", ".newer-", [](const fs::path& file) { set_pragma(file, "PRAGMA user_version=99"); }},
      {"no version", ".damaged-", [](const fs::path& file) { set_pragma(file, "PRAGMA user_version=0"); }},
  };
  for (const Both& both : databases) {
    for (const Case& c : cases) {
      CAPTURE(both.name);
      CAPTURE(c.what);
      TemporaryDirectory directory(Where::memory);
      fs::path file = directory / "x.db";
      for (int n = 1; n <= 2; ++n) {  // the second time the first name is taken
        fs::remove(file);
        REQUIRE(both.use(file, {}, 1) == 0);
        c.make(file);
        std::string bytes = read_bytes(file);
        Log log;
        INFO(log.text());
        CHECK(both.look(file, log.callback(), 1, true) == 0);  // reading only: not touched
        CHECK(read_bytes(file) == bytes);
        CHECK(log.says("in memory"));
        CHECK(both.use(file, log.callback(), 2) == 0);
        fs::path aside = file.string() + c.suffix + std::to_string(n);
        CHECK(fs::exists(aside));
        CHECK(log.says("set aside as " + aside.string()));
        CHECK(both.look(file, {}, 2, false) == 1);
      }
    }
  }
}

TEST_CASE("read only neither creates nor writes") {
  for (const Both& both : databases) {
    CAPTURE(both.name);
    TemporaryDirectory directory(Where::memory);
    Log log;
    CHECK(both.look(directory / "none/x.db", log.callback(), 1, true) == 0);
    CHECK_FALSE(fs::exists(directory / "none"));
    CHECK_FALSE(log.lines.empty());
    REQUIRE(both.use(directory / "x.db", {}, 1) == 0);
    std::string bytes = read_bytes(directory / "x.db");
    log.lines.clear();
    CHECK(both.look(directory / "x.db", log.callback(), 1, true) == 1);
    CHECK(log.lines.empty());
    CHECK(read_bytes(directory / "x.db") == bytes);
  }
  TemporaryDirectory directory(Where::memory);
  REQUIRE(databases[0].use(directory / "x.db", {}, 1) == 0);
  auto db = TuningDb::open(directory / "x.db", {}, true);
  REQUIRE(db.ok());
  auto put = db->put(a_trial(2));
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().message.find("reading only") != std::string::npos);
}

TEST_CASE("where nothing can be written from the start, memory is used and logged") {
  for (const Both& both : databases) {
    CAPTURE(both.name);
    TemporaryDirectory directory;
    CHECK(in_child([&] {
            signal(SIGXFSZ, SIG_IGN);
            rlimit none{0, 0};
            if (setrlimit(RLIMIT_FSIZE, &none) != 0) return 10;
            Log log;
            if (both.use(directory / "x.db", log.callback(), 1) != 1) return 11;
            return log.says("in memory") ? 0 : 12;
          }) == 0);
  }
}

TEST_CASE("a file that can grow no further: what was stored stays readable, new rows go to memory, logged") {
  TemporaryDirectory directory;
  fs::path file = directory / "x.db";
  constexpr int before = 20, after = 400;
  int result = in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    Log log;
    auto db = TuningDb::open(file, log.callback());
    if (!db) return 1;
    for (int n = 0; n < before; ++n)
      if (!db->put(a_trial(n)) || db->in_memory()) return 2;
    rlimit limit{400 << 10, 400 << 10};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 3;
    for (int n = before; n < after; ++n) {
      Trial trial = a_trial(n);
      trial.measurement.samples.assign(500, 1e-3);
      if (!db->put(trial)) return 4;
    }
    if (!db->in_memory()) return 5;
    if (!log.says("cannot be written")) return 6;
    for (int n = 0; n < after; ++n)
      if (!db->find(a_trial(n).environment, a_trial(n).problem, a_trial(n).config)) return 7;
    return 0;
  });
  CHECK(result == 0);
  Log log;
  for (int n = 0; n < before; ++n) CHECK(databases[0].look(file, log.callback(), n, false) == 1);
  CHECK(log.lines.empty());
}

TEST_CASE("a user who may not write: the file is read, new rows go to memory, logged") {
  if (geteuid() != 0) {
    MESSAGE("skipped, needs to be root");
    return;
  }
  constexpr uid_t nobody = 65534;
  for (const Both& both : databases) {
    CAPTURE(both.name);
    TemporaryDirectory directory(Where::memory);
    fs::path home = directory / "home", file = home / "x.db";
    REQUIRE(both.use(file, {}, 1) == 0);
    REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
    for (const fs::path& path : {file, fs::path(file.string() + "-open"), home})
      REQUIRE(chown(path.c_str(), nobody, nobody) == 0);
    REQUIRE(chmod(file.c_str(), 0400) == 0);
    REQUIRE(chmod(home.c_str(), 0500) == 0);
    CHECK(in_child([&] {
            if (setuid(nobody) != 0) return 10;
            if (both.look(file, {}, 1, true) != 1) return 11;
            if (both.look(file, {}, 2, true) != 0) return 12;
            Log log;
            if (both.use(file, log.callback(), 2) != 1) return 13;
            return log.says("memory") ? 0 : 14;
          }) == 0);
    REQUIRE(chmod(home.c_str(), 0700) == 0);
    REQUIRE(chown(home.c_str(), 0, 0) == 0);
    REQUIRE(chown(file.c_str(), 0, 0) == 0);
    CHECK(both.look(file, {}, 2, true) == 0);
  }
}

TEST_CASE("a file system without shared memory: DELETE instead of WAL, logged, and all works") {
  for (const Both& both : databases) {
    CAPTURE(both.name);
    TemporaryDirectory directory(Where::memory);
    CHECK(in_child([&] {
            // This one of SQLite's own file layers has no shared memory, as some network file systems.
            if (sqlite3_vfs_register(sqlite3_vfs_find("unix-dotfile"), 1) != SQLITE_OK) return 10;
            Log log;
            if (both.use(directory / "x.db", log.callback(), 1) != 0) return 11;
            if (!log.says("refuses write-ahead logging; journal mode is delete")) return 12;
            if (both.look(directory / "x.db", {}, 1, false) != 1) return 13;
            return fs::exists(directory / "x.db-wal") ? 14 : 0;
          }) == 0);
  }
}

TEST_CASE("a full disk: what was stored stays, new rows go to memory, logged") {
  TemporaryDirectory directory;
  int result = in_child([&] {
    // A mount of this process alone, gone with it.
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", directory.path().c_str(), "tmpfs", 0, "size=512k,mode=700") != 0)
      return 77;
    for (const Both& both : databases) {
      Log log;
      fs::path file = directory / both.name;
      if (both.use(file, log.callback(), 1) != 0) return 1;
    }
    Log log;
    auto db = TuningDb::open(directory / "TuningDb", log.callback());
    auto cache = KernelCache::open(directory / "KernelCache", log.callback());
    if (!db || !cache) return 2;
    {
      std::ofstream rest(directory / "rest");
      rest << std::string(600 << 10, 'x');
    }
    int n = 2;
    for (; n < 500 && !db->in_memory(); ++n) {
      Trial trial = a_trial(n);
      trial.measurement.samples.assign(500, 1e-3);
      if (!db->put(trial)) return 3;
    }
    if (!db->in_memory()) return 4;
    for (int i = 1; i < n; ++i)
      if (!db->find(a_trial(i).environment, a_trial(i).problem, a_trial(i).config)) return 5;
    if (!cache->put(a_key(2), a_kernel(300 << 10))) return 6;
    if (!cache->in_memory()) return 7;
    if (!cache->find(a_key(1)) || !cache->find(a_key(2))) return 8;
    fs::remove(directory / "rest");
    for (const Both& both : databases)
      if (both.look(directory / both.name, {}, 1, false) != 1) return 9;
    return log.says("tuning database") && log.says("kernel cache") && log.says("cannot be written") ? 0 : 10;
  });
  if (result == 77)
    MESSAGE("skipped: this process may not mount");
  else
    CHECK(result == 0);
}

TEST_CASE("the default directory follows the override, then XDG_CACHE_HOME, then HOME") {
  CHECK(in_child([] {
          setenv("XDG_CACHE_HOME", "/xdg", 1);
          setenv("HOME", "/home/me", 1);
          if (default_cache_directory("/mine") != "/mine") return 1;
          if (default_cache_directory("") != "/xdg/fftconv") return 2;
          setenv("XDG_CACHE_HOME", "relative", 1);
          if (default_cache_directory("") != "/home/me/.cache/fftconv") return 3;
          unsetenv("XDG_CACHE_HOME");
          return default_cache_directory("") == "/home/me/.cache/fftconv" ? 0 : 4;
        }) == 0);
}
