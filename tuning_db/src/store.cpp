#include "store.h"

#include <fmt/format.h>

#include "private_copy.h"
#include "store_file.h"

namespace fftconv {
namespace {

constexpr std::int64_t memory_copy_limit = 256LL << 20;  // bytes that move into memory when a disk is full

std::filesystem::path directory_of(const std::filesystem::path& file) {
  std::filesystem::path directory = file.parent_path();
  return directory.empty() ? "." : directory;
}

// Not "<file>.lock", which is SQLite's own name where it locks by files.
Result<FileLock> lock_opening(const std::filesystem::path& file) {
  return FileLock::take(file.string() + "-open", busy_wait_ms);
}

}  // namespace

Store::Store(const StoreSpec& spec, std::filesystem::path file, LogCallback log, bool read_only,
             sqlite::Connection connection)
    : spec_(&spec),
      file_(std::move(file)),
      log_(std::move(log)),
      read_only_(read_only),
      connection_(std::move(connection)),
      index_check_(spec.index_walks) {}

void Store::say(const std::string& event) const {
  if (log_) log_(fmt::format("{} {}: {}", spec_->name, file_.empty() ? "in memory" : file_.string(), event));
}

Error Store::explain(const Error& error) const {
  if (error.code != ErrorCode::busy) return error;
  return {ErrorCode::busy, fmt::format("{} {} has been locked by another process for {} s: wait for that process or "
                                       "end it, then try again ({})",
                                       spec_->name, file_.string(), busy_wait_ms / 1000, error.message)};
}

Result<Store> Store::open(const StoreSpec& spec, const std::filesystem::path& file, LogCallback log, bool read_only) {
  auto memory = open_memory_database(spec);
  if (!memory) return memory.error();
  Store store(spec, file, std::move(log), read_only, std::move(*memory));
  if (file.empty()) return store;
  if (auto done = store.open_file(); !done) {
    if (done.error().code == ErrorCode::busy) return store.explain(done.error());
    if (auto started = store.start_memory(done.error()); !started) return started.error();
  }
  return store;
}

Result<Store> Store::open_copy(const StoreSpec& spec, const std::filesystem::path& file, LogCallback log) {
  auto memory = open_memory_database(spec);
  if (!memory) return memory.error();
  Store store(spec, file, std::move(log), true, std::move(*memory));
  auto done = store.read_copy();
  if (!done)
    return Error{done.error().code,
                 fmt::format("{} {} cannot be read: {}", spec.name, file.string(), done.error().message)};
  return store;
}

Result<void> Store::read_copy() {
  auto folder = PrivateFolder::make();
  if (!folder) return folder.error();
  auto copy = copy_database(file_, *folder, busy_wait_ms);
  if (!copy) return copy.error();
  std::error_code failed;
  if (std::filesystem::file_size(*copy, failed) == 0) return Error{ErrorCode::damaged, "it is empty"};
  StoreSpec whole = *spec_;
  whole.check_below_bytes = INT64_MAX;
  {
    // Written to, so that its log is applied, or an interrupted transaction taken back, or its tables are migrated.
    auto opened = open_database(whole, *copy, false);
    if (!opened) return opened.error();
    auto mode = opened->connection.text_of("PRAGMA journal_mode=DELETE");
    if (!mode) return mode.error();
  }
  auto connection = sqlite::Connection::open(copy->string(), sqlite::OpenMode::immutable, 0);
  if (!connection) return connection.error();
  use({std::move(*connection), {}, true});
  return {};
}

Result<void> Store::check_whole() {
  if (in_memory_ || checked_) return {};
  auto fine = check_every_page(connection_);
  checked_ = fine.ok();
  return fine;
}

Result<void> Store::open_file() {
  if (read_only_) {
    if (auto fine = check_private_directory(directory_of(file_)); !fine) return fine;
    if (auto fine = check_private_file(file_); !fine) return fine;
    if (identity_of(file_) == FileIdentity{}) return Error{ErrorCode::not_found, "there is no such file to read"};
    auto opened = open_database(*spec_, file_, true);
    if (!opened) return opened.error();
    use(std::move(*opened));
    return {};
  }
  if (auto made = make_private_directory(directory_of(file_)); !made) return made;
  if (auto fine = check_private_file(file_); !fine) return fine;
  auto lock = lock_opening(file_);
  if (!lock) return lock.error();
  return open_file_locked();
}

Result<void> Store::open_file_locked() {
  std::filesystem::path damaged;
  for (int attempt = 0;; ++attempt) {
    if (auto made = make_private_file(file_); !made) return made;
    auto opened = open_database(*spec_, file_, false);
    if (opened) {
      if (!opened->note.empty()) say(opened->note);
      use(std::move(*opened));
      identity_ = identity_of(file_);
      break;
    }
    const Error& error = opened.error();
    bool newer = error.code == ErrorCode::unsupported;
    if ((!newer && error.code != ErrorCode::damaged) || attempt == 2) return error;
    auto aside = set_aside(file_, newer ? "newer" : "damaged");
    if (!aside) return aside.error();
    say(fmt::format("set aside as {} because {}; work goes on in a new file", aside->string(), error.message));
    if (!newer) damaged = *aside;
  }
  if (!damaged.empty()) {
    if (int rows = salvage_rows(*spec_, damaged, connection_); rows > 0)
      say(fmt::format("{} sound rows of {} were kept", rows, damaged.string()));
  }
  return {};
}

void Store::use(Opened opened) {
  connection_ = std::move(opened.connection);
  in_memory_ = false;
  checked_ = opened.checked;
  index_check_ = IndexCheck(spec_->index_walks);
}

Result<void> Store::start_memory(const Error& why) {
  auto memory = open_memory_database(*spec_);
  if (!memory) return memory.error();
  connection_ = std::move(*memory);
  in_memory_ = true;
  say(fmt::format("{}; what is learned stays in memory and ends with the process", why.message));
  return {};
}

Result<void> Store::recover(const Error& why) {
  if (in_memory_ || read_only_) return start_memory(why);
  auto memory = open_memory_database(*spec_);
  if (!memory) return memory.error();
  auto lock = lock_opening(file_);
  if (!lock) return lock.error().code == ErrorCode::busy ? Result<void>(lock.error()) : start_memory(lock.error());
  connection_ = std::move(*memory);  // closes the file
  std::filesystem::path damaged;
  // Another process may have set the file aside since: then what bears the name now is sound.
  if (identity_of(file_) == identity_) {
    auto aside = set_aside(file_, "damaged");
    if (!aside) return start_memory(aside.error());
    damaged = *aside;
    say(fmt::format("set aside as {} because {}; work goes on in a new file", damaged.string(), why.message));
  }
  if (auto opened = open_file_locked(); !opened) return start_memory(opened.error());
  if (!damaged.empty()) {
    if (int rows = salvage_rows(*spec_, damaged, connection_); rows > 0)
      say(fmt::format("{} sound rows of {} were kept", rows, damaged.string()));
  }
  return {};
}

Result<void> Store::leave_for_memory(const Error& why) {
  auto memory = sqlite::Connection::open("", sqlite::OpenMode::memory, 0);
  if (!memory) return memory.error();
  std::error_code ignored;
  auto size = static_cast<std::int64_t>(std::filesystem::file_size(file_, ignored));
  bool copied = size >= 0 && size <= memory_copy_limit && sqlite::copy(connection_, *memory).ok();
  if (!copied) return start_memory(why);
  connection_ = std::move(*memory);
  in_memory_ = true;
  say(fmt::format("cannot be written ({}); what is learned from here on stays in memory and ends with the process",
                  why.message));
  return {};
}

// A file that was removed or set aside by another process still takes rows, but nobody would find them again.
Result<void> Store::follow_file() {
  if (in_memory_ || read_only_ || identity_of(file_) == identity_) return {};
  say("the file was replaced; the new one is used");
  auto opened = open_file();
  if (!opened && opened.error().code != ErrorCode::busy) return start_memory(opened.error());
  return opened;
}

Result<void> Store::write(const std::function<Result<void>(sqlite::Connection&)>& work) {
  if (read_only_)
    return Error{ErrorCode::io,
                 fmt::format("{} {} was opened for reading only: open it for writing", spec_->name, file_.string())};
  if (auto followed = follow_file(); !followed) return explain(followed.error());
  Result<void> done;
  for (int attempt = 0; attempt < 3; ++attempt) {
    {
      sqlite::Transaction transaction(connection_);
      done = transaction.begin();
      if (done) done = work(connection_);
      if (done) done = transaction.commit();
    }
    if (done) return done;
    Result<void> repaired = done;
    if (done.error().code == ErrorCode::damaged) repaired = recover(done.error());
    if (done.error().code == ErrorCode::io && !in_memory_) repaired = leave_for_memory(done.error());
    if (!repaired) return explain(repaired.error());
  }
  return explain(done.error());
}

Result<void> Store::read(const std::function<Result<void>(sqlite::Connection&)>& work) {
  auto done = work(connection_);
  if (done) return done;
  if (done.error().code == ErrorCode::damaged) {
    if (auto repaired = recover(done.error()); !repaired) return explain(repaired.error());
    done = work(connection_);
    if (done) return done;
  }
  say(explain(done.error()).message);
  return explain(done.error());
}

bool Store::mend_after_miss() {
  if (in_memory_ || checked_ || index_check_.complete()) return false;
  std::optional<std::int64_t> lost;
  const FileIdentity before = identity_;
  auto done = read([&](sqlite::Connection& db) -> Result<void> {
    auto found = index_check_.advance(db, std::chrono::milliseconds(miss_check_ms));
    if (!found) return found.error();
    lost = *found;
    return {};
  });
  // A page that cannot be read: the file was set aside, and its sound rows are in the one that is used now.
  if (in_memory_ || !(identity_ == before)) return true;
  if (!done || !lost) return false;
  const std::string what = fmt::format("an index does not lead to row {}", *lost);
  if (read_only_) {
    index_check_.finish();
    say(what + ": rows that indexes do not lead to count as misses; open it once for writing, as any sweep does");
    return false;
  }
  auto remade = write([](sqlite::Connection& db) -> Result<void> {
    auto made = db.run("REINDEX");
    // Two rows of one key: the first was lost, and stored again.
    if (!made && made.error().code == ErrorCode::internal) return Error{ErrorCode::damaged, made.error().message};
    return made;
  });
  if (!remade) {
    say(fmt::format("{}, and the indexes could not be made anew: {}", what, remade.error().message));
    return false;
  }
  index_check_.finish();
  say(what + ": the indexes were made anew");
  return true;
}

}  // namespace fftconv
