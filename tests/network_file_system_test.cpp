// Databases on file systems that several hosts share: no write-ahead log there, whatever shared memory says.
#include <doctest/doctest.h>

#include <utility>

#include "file_system.h"
#include "store.h"
#include "trial_row.h"
#include "tuning_db_fixture.h"
#include "tuning_db_state.h"

namespace fftconv {
namespace {

namespace fs = std::filesystem;
using test::Log;
using test::TemporaryDirectory;

constexpr std::uint32_t kNfs = 0x6969, kExt4 = 0xEF53, kTmpfs = 0x01021994;

/// The tuning database's rules with a file system of this type under it.
template <std::uint32_t type>
const StoreSpec& on() {
  static const StoreSpec spec = [] {
    StoreSpec copy = tuning_store();
    copy.file_system_type = [](const fs::path&) { return Result<std::uint32_t>(type); };
    return copy;
  }();
  return spec;
}

Trial numbered(int n) {
  return test::trial_of(test::environment_here(), test::problem_of(256 + n), test::config_of(8), 1e-3);
}

void put(Store& store, int n) {
  REQUIRE(store.write([&](sqlite::Connection& db) { return put_trial(db, numbered(n)); }).ok());
}

bool holds(Store& store, int n) {
  const Trial wanted = numbered(n);
  const auto found = find_trial(store.connection(), wanted.environment, wanted.problem, to_string(wanted.config),
                                [](const std::string&) {});
  REQUIRE(found.ok());
  return found->has_value() && test::same(**found, wanted);
}

std::string journal_of(Store& store) { return store.connection().text_of("PRAGMA journal_mode").value(); }

/// A file in WAL mode; with `log` trial 2 is in its log alone, as where its process was killed.
fs::path wal_file(const TemporaryDirectory& directory, bool log) {
  const fs::path made = directory / "made.db", file = directory / "tuning.db";
  {
    Store store = Store::open(on<kExt4>(), made, {}, false).value();
    put(store, 1);
    REQUIRE(store.connection().run("PRAGMA wal_checkpoint(TRUNCATE)").ok());
    put(store, 2);
    REQUIRE(fs::file_size(made.string() + "-wal") > 0);
    fs::copy_file(made, file);
    if (log) fs::copy_file(made.string() + "-wal", file.string() + "-wal");
  }
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  return file;
}

}  // namespace

TEST_CASE("file systems that hosts share are known by their types, and local ones are not among them") {
  const std::pair<std::uint32_t, std::string> shared[] = {
      {kNfs, "NFS"},          {0x517B, "SMB"},        {0xFF534D42, "CIFS"},   {0xFE534D42, "SMB2"},
      {0x5346414F, "AFS"},    {0x6B414653, "AFS"},    {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},
      {0x00C36400, "CephFS"}, {0x01021997, "9p"},     {0x65735546, "FUSE"},   {0x7461636F, "OCFS2"},
      {0x01161970, "GFS2"},   {0x19830326, "BeeGFS"}, {0x73757245, "Coda"},
  };
  for (const auto& [type, name] : shared) {
    CAPTURE(name);
    REQUIRE(shared_file_system(type) != nullptr);
    CHECK(shared_file_system(type) == name);
  }
  // ext4, tmpfs, xfs, btrfs, zfs, f2fs, overlayfs
  for (const std::uint32_t type : {kExt4, kTmpfs, 0x58465342u, 0x9123683Eu, 0x2FC12FC1u, 0xF2F52010u, 0x794C7630u})
    CHECK(shared_file_system(type) == nullptr);
}

TEST_CASE("the type of a file's own file system is asked for") {
  CHECK(file_system_type("/proc/self/stat").value() == 0x9FA0);
  const auto none = file_system_type("/no/such/file");
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().message.find("/no/such/file") != std::string::npos);
  CHECK((tuning_store().file_system_type == &file_system_type));
}

TEST_CASE("on NFS the journal is DELETE although shared memory works, logged; on a local file system it is WAL") {
  const TemporaryDirectory directory(test::Where::memory);
  const fs::path file = directory / "tuning.db";
  for (int pass = 0; pass < 2; ++pass) {
    Log log;
    Store store = Store::open(on<kNfs>(), file, log.callback(), false).value();
    CHECK_FALSE(store.in_memory());
    CHECK(journal_of(store) == "delete");
    CHECK(store.connection().integer_of("PRAGMA synchronous").value() == 3);  // EXTRA
    CHECK(
        log.says("tuning.db: it lies on NFS, and write-ahead logging is for the processes of one host; journal "
                 "mode is delete"));
    put(store, pass);
    CHECK_FALSE(fs::exists(file.string() + "-wal"));
    CHECK_FALSE(fs::exists(file.string() + "-shm"));
    // The lock of the choice is gone: others get in.
    Store other = Store::open(on<kNfs>(), file, {}, false).value();
    put(other, 10 + pass);
    CHECK_FALSE(other.in_memory());
    CHECK((holds(store, 0) && holds(store, 10 + pass)));
  }
  for (const StoreSpec* local : {&on<kExt4>(), &on<kTmpfs>()}) {
    Log log;
    Store store = Store::open(*local, file, log.callback(), false).value();
    CHECK(journal_of(store) == "wal");
    CHECK(log.lines.empty());
    CHECK((holds(store, 0) && holds(store, 1) && holds(store, 11)));
  }
}

TEST_CASE("a file system that does not say what it is gets no write-ahead log") {
  StoreSpec mute = tuning_store();
  mute.file_system_type = [](const fs::path&) { return Result<std::uint32_t>(Error{ErrorCode::io, "no answer"}); };
  const TemporaryDirectory directory(test::Where::memory);
  Log log;
  Store store = Store::open(mute, directory / "tuning.db", log.callback(), false).value();
  CHECK(journal_of(store) == "delete");
  CHECK(log.says("no answer; journal mode is delete"));
}

TEST_CASE("a file in WAL mode that is found on NFS goes over to DELETE, with what its log holds") {
  const TemporaryDirectory directory(test::Where::memory);
  const fs::path file = wal_file(directory, true);
  Log log;
  {
    Store store = Store::open(on<kNfs>(), file, log.callback(), false).value();
    CHECK_FALSE(store.in_memory());
    CHECK(journal_of(store) == "delete");
    CHECK(log.says("it lies on NFS"));
    CHECK((holds(store, 1) && holds(store, 2)));
    CHECK_FALSE(fs::exists(file.string() + "-shm"));
  }
  Store again = Store::open(on<kNfs>(), file, {}, false).value();
  CHECK((holds(again, 1) && holds(again, 2)));
  CHECK(again.connection().text_of("PRAGMA integrity_check").value() == "ok");
}

TEST_CASE("a file in WAL mode on NFS that somebody has open is refused with a sentence, and not touched") {
  const TemporaryDirectory directory(test::Where::memory);
  const fs::path file = directory / "tuning.db";
  Store holder = Store::open(on<kExt4>(), file, {}, false).value();
  put(holder, 1);
  auto refused = Store::open(on<kNfs>(), file, {}, false);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::busy);
  CHECK(refused.error().message.find("wait for that process or end it") != std::string::npos);
  put(holder, 2);
  CHECK((holds(holder, 1) && holds(holder, 2)));
  CHECK(journal_of(holder) == "wal");
}

TEST_CASE("read only on NFS: a file in WAL mode is read where it is complete, and refused where it has a log") {
  for (const bool with_log : {false, true}) {
    CAPTURE(with_log);
    const TemporaryDirectory directory(test::Where::memory);
    const fs::path file = wal_file(directory, with_log);
    Log log;
    Store store = Store::open(on<kNfs>(), file, log.callback(), true).value();
    INFO(log.text());
    CHECK(store.in_memory() == with_log);
    CHECK(log.says("it lies on NFS with a write-ahead log") == with_log);
    CHECK(holds(store, 1) == !with_log);
    CHECK_FALSE(fs::exists(file.string() + "-shm"));
    Store local = Store::open(on<kExt4>(), file, {}, true).value();
    CHECK(holds(local, 1));
    CHECK(holds(local, 2) == with_log);
  }
}

}  // namespace fftconv
