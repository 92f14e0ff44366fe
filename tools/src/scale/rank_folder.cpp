#include "scale/rank_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "fftconv/tuning_db.h"

namespace fftconv::tools {
namespace {

namespace fs = std::filesystem;

std::string host_name() {
  char host[HOST_NAME_MAX + 1] = {};
  ::gethostname(host, HOST_NAME_MAX);
  std::string name = host;
  for (char& c : name)
    if (c == '/') c = '_';
  return name.empty() ? "host" : name;
}

/// A descriptor that holds the lock; -1 where it is not a folder of this user's, or another has it and `wait` is
/// false.
int lock_folder(const fs::path& folder, bool wait = false) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return -1;
  struct stat status {};
  const bool ours = ::fstat(descriptor, &status) == 0 && status.st_uid == ::geteuid();
  int locked = -1;
  do {
    locked = ours ? ::flock(descriptor, wait ? LOCK_EX : LOCK_EX | LOCK_NB) : -1;
  } while (locked != 0 && ours && errno == EINTR);
  if (locked == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

/// Nobody else makes a folder or looks for old ones meanwhile: between its making and its lock a new one looks old.
class Guard {
 public:
  explicit Guard(const fs::path& folders) : descriptor_(lock_folder(folders, true)) {}
  ~Guard() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  bool held() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

}  // namespace

std::string rank_name(int rank) { return fmt::format("{}-{}-{}", host_name(), ::getpid(), rank); }

Result<RankFolder> RankFolder::make(const fs::path& cache, int rank) {
  const fs::path path = cache / "ranks" / rank_name(rank);
  std::error_code failed;
  fs::create_directories(cache, failed);
  const auto make_one = [](const fs::path& folder) -> Result<void> {
    if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return Error{ErrorCode::io, fmt::format("{} cannot be made: {}", folder.string(), std::strerror(errno))};
  };
  if (const auto made = make_one(cache / "ranks"); !made) return made.error();
  const Guard guard(cache / "ranks");
  if (!guard.held()) return Error{ErrorCode::io, fmt::format("{} cannot be locked", (cache / "ranks").string())};
  if (const auto made = make_one(path); !made) return made.error();
  const int lock = lock_folder(path);
  if (lock < 0) return Error{ErrorCode::io, fmt::format("{} cannot be locked", path.string())};
  return RankFolder(path, lock);
}

std::vector<RankFolder> RankFolder::left_behind(const fs::path& cache) {
  std::vector<RankFolder> folders;
  std::error_code failed;
  const Guard guard(cache / "ranks");
  if (!guard.held()) return folders;  // what another rank makes from here on is not old
  for (const auto& entry : fs::directory_iterator(cache / "ranks", failed)) {
    const std::string name = entry.path().filename().string();
    // Locks of another machine are not seen on every file system.
    const std::string prefix = host_name() + "-";
    if (!name.starts_with(prefix) || name.find_first_not_of("0123456789-", prefix.size()) != name.npos) continue;
    const int lock = lock_folder(entry.path());
    if (lock >= 0) folders.push_back(RankFolder(entry.path(), lock));
  }
  return folders;
}

RankFolder::RankFolder(RankFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RankFolder::~RankFolder() {
  if (lock_ >= 0) ::close(lock_);
}

std::string RankFolder::lines() const {
  std::error_code ignored;
  if (!fs::exists(path_ / "tuning.db", ignored)) return {};
  auto database = TuningDb::open(path_ / "tuning.db", {}, true);
  std::string lines;
  if (!database || !database->export_lines(lines)) return {};
  return lines;
}

void RankFolder::remove() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace fftconv::tools
