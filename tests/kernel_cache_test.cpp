#include "fftconv/kernel_cache.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <chrono>
#include <functional>
#include <random>

#include "child_process.h"
#include "damaged_copies.h"
#include "sqlite.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

namespace fs = std::filesystem;

KernelKey key_of(int n) { return {fmt::format("{:064x}", n), "sm_90a", "nvrtc 13.0", "--use_fast_math\n-O3"}; }

CachedKernel kernel_of(int n, std::size_t bytes = 1000) {
  std::mt19937_64 random(static_cast<unsigned>(n));
  CachedKernel kernel;
  kernel.binary.resize(bytes);
  for (std::byte& byte : kernel.binary) byte = static_cast<std::byte>(random());
  kernel.registers = 32 + n;
  kernel.spill_bytes = n;
  kernel.static_shared_bytes = 48 << 10;
  kernel.log = fmt::format("ptxas info: {}", n);
  return kernel;
}

bool same(const CachedKernel& a, const CachedKernel& b) {
  return a.binary == b.binary && a.registers == b.registers && a.spill_bytes == b.spill_bytes &&
         a.static_shared_bytes == b.static_shared_bytes && a.log == b.log;
}

bool holds(KernelCache& cache, int n, std::size_t bytes = 1000) {
  auto found = cache.find(key_of(n));
  return found && same(*found, kernel_of(n, bytes));
}

}  // namespace

TEST_CASE("a binary comes back as it was stored, also after the file was opened again") {
  TemporaryDirectory directory(Where::memory);
  for (int pass = 0; pass < 2; ++pass) {
    auto cache = KernelCache::open(directory / "kernels.db");
    REQUIRE(cache.ok());
    CHECK_FALSE(cache->in_memory());
    for (int n = 0; n < 20; ++n) {
      if (pass == 0) REQUIRE(cache->put(key_of(n), kernel_of(n, 1 + 5000 * static_cast<std::size_t>(n))).ok());
      CHECK(holds(*cache, n, 1 + 5000 * static_cast<std::size_t>(n)));
    }
    CHECK(cache->total_bytes() == 20 + 5000 * 190);
  }
}

TEST_CASE("a change of any field of the key is a miss") {
  auto cache = KernelCache::open({});
  REQUIRE(cache.ok());
  REQUIRE(cache->put(key_of(1), kernel_of(1)).ok());
  std::vector<std::function<void(KernelKey&)>> changes = {
      [](KernelKey& key) { key.source_digest[3] = 'f'; },
      [](KernelKey& key) { key.arch = "sm_90"; },
      [](KernelKey& key) { key.compiler = "nvrtc 13.1"; },
      [](KernelKey& key) { key.options += "\n-G"; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    KernelKey other = key_of(1);
    changes[i](other);
    CHECK_FALSE(cache->find(other).has_value());
    REQUIRE(cache->put(other, kernel_of(static_cast<int>(i) + 10)).ok());
    auto found = cache->find(other);
    REQUIRE(found.has_value());
    CHECK(same(*found, kernel_of(static_cast<int>(i) + 10)));
  }
  CHECK(holds(*cache, 1));
}

TEST_CASE("a second binary of a key replaces the first") {
  auto cache = KernelCache::open({});
  REQUIRE(cache.ok());
  REQUIRE(cache->put(key_of(1), kernel_of(7, 5000)).ok());
  REQUIRE(cache->put(key_of(1), kernel_of(1)).ok());
  CHECK(holds(*cache, 1));
  CHECK(cache->total_bytes() == 1000);
}

TEST_CASE("a binary that was damaged in any column is deleted, logged and a miss") {
  const char* changes[] = {"binary=zeroblob(1000)",     "binary=x''",        "sha256='00'",
                           "registers=registers+1",     "log='all is well'", "checksum=checksum+1",
                           "spill_bytes=spill_bytes+1", "arch='sm_80'"};
  for (const char* change : changes) {
    CAPTURE(change);
    TemporaryDirectory directory(Where::memory);
    fs::path file = directory / "kernels.db";
    {
      auto cache = KernelCache::open(file);
      REQUIRE(cache.ok());
      for (int n = 1; n <= 2; ++n) REQUIRE(cache->put(key_of(n), kernel_of(n)).ok());
    }
    run_sql(file, fmt::format("UPDATE binary SET {} WHERE id=1", change));
    Log log;
    auto cache = KernelCache::open(file, log.callback());
    REQUIRE(cache.ok());
    KernelKey key = key_of(1);
    if (std::string(change).starts_with("arch")) key.arch = "sm_80";
    auto read_only = KernelCache::open(file, {}, 1 << 20, true);
    REQUIRE(read_only.ok());
    CHECK_FALSE(read_only->find(key).has_value());
    CHECK(cache->total_bytes() == 2000);  // reading only deletes nothing
    CHECK_FALSE(cache->find(key).has_value());
    CHECK(log.says("is damaged and will be compiled again"));
    CHECK(cache->total_bytes() == 1000);
    CHECK(holds(*cache, 2));
    REQUIRE(cache->put(key_of(1), kernel_of(1)).ok());
    CHECK(holds(*cache, 1));
  }
}

TEST_CASE("a thousand damaged copies: no crash, never another binary than the one stored, and every loss is logged") {
  constexpr auto kinds = static_cast<std::size_t>(Damage::kinds);
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "kernels.db";
  {
    auto cache = KernelCache::open(file);
    REQUIRE(cache.ok());
    for (int n = 0; n < 20; ++n) REQUIRE(cache->put(key_of(n), kernel_of(n, 500 + 700 * n)).ok());
  }
  const std::string whole = read_bytes(file);
  std::array<int, kinds> lost_by{};
  int told = 0, with_losses = 0;
  for (unsigned seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    for (const auto& entry : fs::directory_iterator(directory.path())) fs::remove(entry.path());
    std::mt19937_64 random(seed);
    const auto kind = static_cast<Damage>(seed % kinds);
    write_bytes(file, damaged(whole, kind, random));
    if (kind == Damage::foreign_schema) make_foreign(file, "binary", "binary_used", random);
    Log log;
    auto cache = KernelCache::open(file, log.callback());
    REQUIRE(cache.ok());
    int lost = 0;
    for (int n = 0; n < 20; ++n) {
      auto found = cache->find(key_of(n));
      if (found) CHECK(same(*found, kernel_of(n, 500 + 700 * static_cast<std::size_t>(n))));
      lost += !found;
    }
    if (lost > 0) CHECK_FALSE(log.lines.empty());
    if (kind == Damage::foreign_schema) {
      CHECK(lost == 20);
      CHECK(log.says("set aside as "));
    }
    lost_by[seed % kinds] += lost;
    with_losses += lost > 0;
    told += !log.lines.empty();
    REQUIRE(cache->put(key_of(99), kernel_of(99)).ok());
    CHECK(holds(*cache, 99));
  }
  MESSAGE(
      fmt::format("of 2500 binaries each are lost to bytes, a run, a shorter file, swapped pages, a zero page, "
                  "the header, a longer file, a foreign schema: {}; {} files of 1000 lost some, {} had something "
                  "to tell",
                  fmt::join(lost_by, ", "), with_losses, told));
  CHECK(with_losses > 500);
  CHECK(lost_by[static_cast<std::size_t>(Damage::bytes)] < 1500);
  CHECK(lost_by[static_cast<std::size_t>(Damage::grown)] == 0);
}

TEST_CASE("an index that lost a binary is told at the first miss and made anew, and nothing is lost") {
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "kernels.db";
  {
    auto cache = KernelCache::open(file);
    REQUIRE(cache.ok());
    for (int n = 0; n < 20; ++n) REQUIRE(cache->put(key_of(n), kernel_of(n)).ok());
  }
  damage_index_entry(file, key_of(5).source_digest);
  {
    Log log;
    auto reader = KernelCache::open(file, log.callback(), 1 << 20, true);
    REQUIRE(reader.ok());
    CHECK(holds(*reader, 4));
    CHECK(log.lines.empty());
    CHECK_FALSE(reader->find(key_of(5)).has_value());
    CHECK(log.says("an index does not lead to row 6"));
  }
  Log log;
  auto cache = KernelCache::open(file, log.callback());
  REQUIRE(cache.ok());
  for (int n = 0; n < 20; ++n) CHECK(holds(*cache, n));
  CHECK(log.lines.size() == 1);
  CHECK(log.says("an index does not lead to row 6: the indexes were made anew"));
  CHECK_FALSE(cache->find(key_of(77)).has_value());
  CHECK(log.lines.size() == 1);
}

TEST_CASE("a miss in a sound cache says nothing, and rows are compared with the indexes once") {
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "kernels.db";
  Log log;
  auto cache = KernelCache::open(file, log.callback());
  REQUIRE(cache.ok());
  constexpr int binaries = 3000, misses = 1000;
  {
    auto filler = sqlite::Connection::open(file.string(), sqlite::OpenMode::read_write, 1000);
    REQUIRE(filler.ok());
    sqlite::Transaction transaction(*filler);
    REQUIRE(transaction.begin().ok());
    auto row = filler->query(
        "INSERT INTO binary(source_digest, arch, compiler, options, bytes, used, registers, spill_bytes, "
        "static_shared_bytes, sha256, checksum, log, binary) "
        "VALUES(?,'a','c','o',4000,?,0,0,0,'',0,'',zeroblob(4000))");
    for (int n = 0; n < binaries; ++n) REQUIRE(row.bind(key_of(1000 + n).source_digest, n).run().ok());
    REQUIRE(transaction.commit().ok());
  }
  const auto seconds_of = [&](int first, int count) {
    const auto start = std::chrono::steady_clock::now();
    for (int n = first; n < first + count; ++n) CHECK_FALSE(cache->find(key_of(100000 + n)).has_value());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double first = seconds_of(0, 10), others = seconds_of(10, misses) / misses;
  MESSAGE(fmt::format("{} binaries: the first ten misses {:.1f} ms, each later one {:.3f} ms", binaries, 1e3 * first,
                      1e3 * others));
  CHECK(log.lines.empty());
  CHECK(first > 20 * others);  // it did compare
  CHECK(first < 2);
}

TEST_CASE("the least recently used binaries leave when the limit is passed") {
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "kernels.db";
  {
    auto cache = KernelCache::open(file, {}, 5000);
    REQUIRE(cache.ok());
    for (int n = 0; n < 5; ++n) REQUIRE(cache->put(key_of(n), kernel_of(n)).ok());
    CHECK(cache->total_bytes() == 5000);
    CHECK(holds(*cache, 0));  // used again: 1 is the oldest now
    CHECK(holds(*cache, 2));
    REQUIRE(cache->put(key_of(5), kernel_of(5)).ok());
    CHECK_FALSE(cache->find(key_of(1)).has_value());
    CHECK(cache->total_bytes() == 5000);
  }
  // The order of use outlives the process: 3, 4, 0, 2, 5.
  auto cache = KernelCache::open(file, {}, 5000);
  REQUIRE(cache.ok());
  REQUIRE(cache->put(key_of(6), kernel_of(6, 2500)).ok());  // needs three to go
  for (int gone : {3, 4, 0}) CHECK_FALSE(cache->find(key_of(gone)).has_value());
  CHECK(holds(*cache, 2));
  CHECK(holds(*cache, 5));
  CHECK(holds(*cache, 6, 2500));
  CHECK(cache->total_bytes() == 4500);
}

TEST_CASE("the file shrinks with what leaves") {
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "kernels.db";
  auto cache = KernelCache::open(file, {}, 1 << 20);
  REQUIRE(cache.ok());
  for (int n = 0; n < 100; ++n) REQUIRE(cache->put(key_of(n), kernel_of(n, 100 << 10)).ok());
  CHECK(cache->total_bytes() <= 1 << 20);
  CHECK(cache->total_bytes() > 900 << 10);
  { cache = KernelCache::open({}); }  // closes the file, and with it the log is written back
  CHECK(fs::file_size(file) < (3 << 20));
}

TEST_CASE("a binary beyond the limit is refused and throws nothing out") {
  auto cache = KernelCache::open({}, {}, 2500);
  REQUIRE(cache.ok());
  REQUIRE(cache->put(key_of(1), kernel_of(1)).ok());
  auto put = cache->put(key_of(2), kernel_of(2, 3000));
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().code == ErrorCode::invalid_argument);
  CHECK(holds(*cache, 1));
}

TEST_CASE("a lookup does not wait for another writer") {
  TemporaryDirectory directory(Where::memory);
  fs::path file = directory / "kernels.db";
  auto cache = KernelCache::open(file);
  REQUIRE(cache.ok());
  for (int n = 0; n < 2; ++n) REQUIRE(cache->put(key_of(n), kernel_of(n)).ok());
  auto other = sqlite::Connection::open(file.string(), sqlite::OpenMode::read_write, 0);
  REQUIRE(other.ok());
  REQUIRE(other->run("BEGIN IMMEDIATE").ok());
  auto start = std::chrono::steady_clock::now();
  CHECK(holds(*cache, 0));  // would like to be counted as a use
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

TEST_CASE("processes that fill one cache at once lose nothing") {
  TemporaryDirectory directory(Where::memory);
  std::vector<pid_t> children;
  for (int writer = 0; writer < 3; ++writer)
    children.push_back(start_child([&] {
      auto cache = KernelCache::open(directory / "kernels.db");
      if (!cache || cache->in_memory()) return 1;
      for (int n = 0; n < 50; ++n)
        if (!cache->put(key_of(100 * writer + n), kernel_of(100 * writer + n))) return 2;
      return 0;
    }));
  for (pid_t child : children) CHECK(wait_for(child) == 0);
  Log log;
  auto cache = KernelCache::open(directory / "kernels.db", log.callback());
  REQUIRE(cache.ok());
  for (int writer = 0; writer < 3; ++writer)
    for (int n = 0; n < 50; ++n) CHECK(holds(*cache, 100 * writer + n));
  CHECK(log.lines.empty());
}
