#include "scale/measure_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>

#include "fftconv/plan.h"
#include "fftconv/settings.h"

namespace fftconv::tools {
namespace {

Result<int> open_file(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor >= 0) return descriptor;
  return Error{ErrorCode::io, fmt::format("the lock {} cannot be opened: {}", file.string(), std::strerror(errno))};
}

void flock_whatever_signals(int descriptor, int operation) {
  while (::flock(descriptor, operation) != 0 && errno == EINTR) {
  }
}

/// While it lives, the lock is held.
class Turn {
 public:
  Turn(MeasureLock& lock, MeasureLock::Use use) : lock_(lock) { lock_.lock(use); }
  ~Turn() { lock_.unlock(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  MeasureLock& lock_;
};

class PoliteRunner final : public Runner {
 public:
  PoliteRunner(std::unique_ptr<Runner> inner, std::filesystem::path folder, std::string name, bool compiling_is_work,
               std::unique_ptr<MeasureLock> lock)
      : inner_(std::move(inner)),
        folder_(std::move(folder)),
        name_(std::move(name)),
        compiling_is_work_(compiling_is_work),
        lock_(std::move(lock)) {}

  void until(const Clock& clock, double deadline, const std::function<bool()>& cancelled) override {
    inner_->until(clock, deadline, cancelled);
  }
  void compile(const KernelConfig& config) override {
    // A description of its own: flock belongs to the open file, and compilations run side by side.
    const auto own =
        compiling_is_work_ ? MeasureLock::open(folder_, name_) : Result<std::unique_ptr<MeasureLock>>(nullptr);
    if (!own || !*own) return inner_->compile(config);
    const Turn turn(**own, MeasureLock::Use::work);
    inner_->compile(config);
  }
  Result<Measurement> prepare(const KernelConfig& config) override {
    const Turn turn(*lock_, MeasureLock::Use::work);
    return inner_->prepare(config);
  }
  Result<Sample> sample(const KernelConfig& config) override {
    const Turn turn(*lock_, MeasureLock::Use::time);
    return inner_->sample(config);
  }
  void release(const KernelConfig& config) override { inner_->release(config); }

 private:
  std::unique_ptr<Runner> inner_;
  std::filesystem::path folder_;
  std::string name_;
  bool compiling_is_work_;
  std::unique_ptr<MeasureLock> lock_;
};

}  // namespace

Result<std::unique_ptr<MeasureLock>> MeasureLock::open(const std::filesystem::path& folder, const std::string& name) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  const auto door = open_file(folder / (name + ".door"));
  if (!door) return door.error();
  const auto room = open_file(folder / (name + ".room"));
  if (!room) {
    ::close(*door);
    return room.error();
  }
  return std::unique_ptr<MeasureLock>(new MeasureLock(*door, *room));
}

MeasureLock::~MeasureLock() {
  ::close(door_);
  ::close(room_);
}

void MeasureLock::lock(Use use) {
  flock_whatever_signals(door_, LOCK_EX);
  flock_whatever_signals(room_, use == Use::time ? LOCK_EX : LOCK_SH);
  flock_whatever_signals(door_, LOCK_UN);
}

void MeasureLock::unlock() { flock_whatever_signals(room_, LOCK_UN); }

std::string measure_lock_name(const Device& device, const std::string& visible) {
  char host[HOST_NAME_MAX + 1] = {};
  ::gethostname(host, HOST_NAME_MAX);
  std::string name = fmt::format("measure-{}-{}-{}", host, to_string(device.facts().kind), device.ordinal());
  if (device.facts().kind == DeviceKind::cuda && !visible.empty()) name += "-of-" + visible.substr(0, 80);
  for (char& c : name)
    if (c == '/' || static_cast<unsigned char>(c) < 0x20) c = '_';
  return name;
}

RunnerMaker take_turns(RunnerMaker inner, const std::filesystem::path& folder, const Console& console) {
  const auto told = std::make_shared<std::atomic<bool>>(false);
  return [inner = std::move(inner), folder, told, &console](
             Context& context, const Problem& problem) -> Result<std::unique_ptr<Runner>> {
    Result<std::unique_ptr<Runner>> runner = inner(context, problem);
    if (!runner) return runner;
    const std::string name = measure_lock_name(context.device(), settings().visible_gpus);
    Result<std::unique_ptr<MeasureLock>> lock = MeasureLock::open(folder, name);
    if (!lock) {
      if (!told->exchange(true)) console.note("measuring without regard to other processes: " + lock.error().message);
      return runner;
    }
    const bool compiling_is_work = context.device().facts().kind == DeviceKind::cpu;
    return std::unique_ptr<Runner>(
        std::make_unique<PoliteRunner>(std::move(*runner), folder, name, compiling_is_work, std::move(*lock)));
  };
}

}  // namespace fftconv::tools
