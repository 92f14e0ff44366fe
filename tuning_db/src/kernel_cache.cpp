#include "fftconv/kernel_cache.h"

#include <fmt/format.h>

#include "checksum.h"
#include "fftconv/sha256.h"
#include "store.h"

namespace fftconv {
namespace {

// `used` counts uses of the whole cache: the smallest is the binary that was not used for longest. A clock would tie
// within a second and run backwards at times. The binary stands last, so that sums and evictions do not read it.
constexpr std::string_view statements[] = {
    "CREATE TABLE binary(id INTEGER PRIMARY KEY, source_digest TEXT NOT NULL, arch TEXT NOT NULL, compiler TEXT NOT "
    "NULL, options TEXT NOT NULL, bytes INTEGER NOT NULL, used INTEGER NOT NULL, registers INTEGER NOT NULL, "
    "spill_bytes INTEGER NOT NULL, static_shared_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, checksum INTEGER NOT "
    "NULL, log TEXT NOT NULL, binary BLOB NOT NULL, UNIQUE(source_digest, arch, compiler, options)) STRICT",
    "CREATE INDEX binary_used ON binary(used, bytes)",
};

constexpr std::string_view index_walks[] = {
    "SELECT id, (SELECT count(*) FROM binary i INDEXED BY sqlite_autoindex_binary_1 WHERE "
    "i.source_digest=b.source_digest AND i.arch=b.arch AND i.compiler=b.compiler AND i.options=b.options AND "
    "i.id=b.id) AND (SELECT count(*) FROM binary i INDEXED BY binary_used WHERE i.used=b.used AND i.bytes=b.bytes "
    "AND "
    "i.id=b.id) FROM binary b NOT INDEXED WHERE id>? ORDER BY id",
};

// A binary can be made again, so that a commit need not wait for the disk.
const StoreSpec& cache_store() {
  static const StoreSpec spec{.name = "kernel cache",
                              .application_id = 0x6666746b,  // "fftk"
                              .version = 1,
                              .schema = statements,
                              .durable = false,
                              .check_below_bytes = 0,
                              .index_walks = index_walks};
  return spec;
}

std::string digest_of(const std::vector<std::byte>& binary) { return sha256(std::span<const std::byte>(binary)); }

// What stands beside the binary: its sum covers the key too, so that a binary is never taken for another one.
std::int64_t checksum_of(const KernelKey& key, const CachedKernel& kernel, const std::string& digest) {
  Checksum sum;
  sum.add(key.source_digest).add(key.arch).add(key.compiler).add(key.options).add(digest);
  sum.add(kernel.registers).add(kernel.spill_bytes).add(kernel.static_shared_bytes).add(kernel.log);
  return sum.value();
}

Result<void> evict(sqlite::Connection& db, std::int64_t limit_bytes) {
  auto total = db.integer_of("SELECT ifnull(sum(bytes), 0) FROM binary");
  if (!total) return total.error();
  while (*total > limit_bytes) {
    std::int64_t id = 0, bytes = 0;
    {
      auto oldest = db.query("SELECT id, bytes FROM binary ORDER BY used LIMIT 1");
      auto row = oldest.next();
      if (!row) return row.error();
      if (!*row) return {};
      id = oldest.integer(0);
      bytes = oldest.integer(1);
    }
    if (auto done = db.query("DELETE FROM binary WHERE id=?").bind(id).run(); !done) return done;
    *total -= bytes;
  }
  return {};
}

constexpr std::string_view next_use = "(SELECT ifnull(max(used), 0) + 1 FROM binary)";

}  // namespace

struct KernelCache::State {
  Store store;
  std::int64_t limit_bytes = 0;
};

KernelCache::KernelCache(std::unique_ptr<State> state) : state_(std::move(state)) {}
KernelCache::KernelCache(KernelCache&&) noexcept = default;
KernelCache& KernelCache::operator=(KernelCache&&) noexcept = default;
KernelCache::~KernelCache() = default;

Result<KernelCache> KernelCache::open(const std::filesystem::path& file, LogCallback log, std::int64_t limit_bytes,
                                      bool read_only) {
  auto store = Store::open(cache_store(), file, std::move(log), read_only);
  if (!store) return store.error();
  return KernelCache(std::make_unique<State>(State{std::move(*store), limit_bytes}));
}

std::optional<CachedKernel> KernelCache::find(const KernelKey& key) {
  bool there = false;
  auto found = look_up(key, there);
  if (!there && state_->store.mend_after_miss()) found = look_up(key, there);
  return found;
}

std::optional<CachedKernel> KernelCache::look_up(const KernelKey& key, bool& there) {
  Store& store = state_->store;
  std::optional<CachedKernel> found;
  std::int64_t damaged = 0, newest = 0, id = 0, used = 0;
  (void)store.read([&](sqlite::Connection& db) -> Result<void> {
    damaged = 0;
    auto query = db.query(
        "SELECT id, used, registers, spill_bytes, static_shared_bytes, sha256, checksum, log, binary, (SELECT "
        "max(used) "
        "FROM binary) FROM binary WHERE source_digest=? AND arch=? AND compiler=? AND options=?");
    auto row = query.bind(key.source_digest, key.arch, key.compiler, key.options).next();
    if (!row) return row.error();
    there = *row;
    if (!there) return {};
    id = query.integer(0);
    used = query.integer(1);
    newest = query.integer(9);
    CachedKernel kernel;
    kernel.registers = static_cast<int>(query.integer(2));
    kernel.spill_bytes = static_cast<int>(query.integer(3));
    kernel.static_shared_bytes = query.integer(4);
    kernel.log = query.text(7);
    auto binary = query.blob(8);
    kernel.binary.assign(binary.begin(), binary.end());
    std::string digest = query.text(5);
    if (digest == digest_of(kernel.binary) && query.integer(6) == checksum_of(key, kernel, digest))
      found = std::move(kernel);
    else
      damaged = id;
    return {};
  });
  if (damaged != 0) {
    store.say(fmt::format("the binary of {} ({}, {}) is damaged and will be compiled again",
                          key.source_digest.substr(0, 12), key.arch, key.compiler));
    if (!store.read_only())
      (void)store.write(
          [&](sqlite::Connection& db) { return db.query("DELETE FROM binary WHERE id=?").bind(damaged).run(); });
  }
  // A use that goes uncounted because another process is writing costs at most a compilation one day.
  if (found && used != newest && !store.read_only()) {
    sqlite::Connection& db = store.connection();
    db.set_busy_timeout(0);
    (void)db.query(fmt::format("UPDATE binary SET used={} WHERE id=?", next_use)).bind(id).run();
    db.set_busy_timeout(busy_wait_ms);
  }
  return found;
}

Result<void> KernelCache::put(const KernelKey& key, const CachedKernel& kernel) {
  auto bytes = static_cast<std::int64_t>(kernel.binary.size());
  if (bytes > state_->limit_bytes)
    return invalid(fmt::format("a binary of {} bytes does not fit the kernel cache's limit of {}: raise the limit",
                               bytes, state_->limit_bytes));
  std::string digest = digest_of(kernel.binary);
  return state_->store.write([&](sqlite::Connection& db) -> Result<void> {
    auto done =
        db.query(
              fmt::format("INSERT OR REPLACE INTO binary(source_digest, arch, compiler, options, bytes, registers, "
                          "spill_bytes, static_shared_bytes, sha256, checksum, log, binary, used) "
                          "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,{})",
                          next_use))
            .bind(key.source_digest, key.arch, key.compiler, key.options, bytes, kernel.registers, kernel.spill_bytes,
                  kernel.static_shared_bytes, digest, checksum_of(key, kernel, digest), kernel.log, kernel.binary)
            .run();
    if (!done) return done;
    if (auto evicted = evict(db, state_->limit_bytes); !evicted) return evicted;
    return db.run("PRAGMA incremental_vacuum");
  });
}

std::int64_t KernelCache::total_bytes() {
  std::int64_t total = 0;
  (void)state_->store.read([&](sqlite::Connection& db) -> Result<void> {
    auto sum = db.integer_of("SELECT ifnull(sum(bytes), 0) FROM binary");
    if (sum) total = *sum;
    return sum ? Result<void>() : Result<void>(sum.error());
  });
  return total;
}

bool KernelCache::in_memory() const { return state_->store.in_memory(); }

}  // namespace fftconv
