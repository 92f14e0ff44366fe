#include "capture_recorder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace fftconv {
namespace {

using namespace std::chrono_literals;
constexpr auto kInterval = 2s;
constexpr auto kAfterNewProblem = 100ms;  // an application asks for many problems at once
constexpr int kWaitAtEnd = 500;           // ms, for the lock of the file

// Recorders that are still there when the process ends: a context may live in a static, or never be closed.
// Never destroyed, since the recorders may go after every static.
struct Living {
  std::mutex mutex;
  std::set<CaptureRecorder*> recorders;
};

Living& living() {
  static auto* instance = new Living;
  return *instance;
}

void flush_living() {
  Living& all = living();
  const std::lock_guard lock(all.mutex);
  for (CaptureRecorder* recorder : all.recorders) recorder->flush();
}

void enlist(CaptureRecorder* recorder) {
  Living& all = living();
  const std::lock_guard lock(all.mutex);
  static const bool registered = std::atexit(flush_living) == 0;
  static_cast<void>(registered);
  all.recorders.insert(recorder);
}

void delist(CaptureRecorder* recorder) {
  Living& all = living();
  const std::lock_guard lock(all.mutex);
  all.recorders.erase(recorder);
}

}  // namespace

std::shared_ptr<CaptureRecorder> CaptureRecorder::make(std::filesystem::path file, LogCallback log) {
  return std::shared_ptr<CaptureRecorder>(new CaptureRecorder(std::move(file), std::move(log)));
}

CaptureRecorder::CaptureRecorder(std::filesystem::path file, LogCallback log)
    : file_(std::move(file)), log_(std::move(log)), process_(getpid()) {
  enlist(this);
  writer_ = std::thread([this] { work(); });
}

CaptureRecorder::~CaptureRecorder() {
  delist(this);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (process_ == getpid()) {
    writer_.join();
    write();
  } else {
    writer_.detach();  // fork() did not copy the thread
  }
}

std::shared_ptr<UseCounts> CaptureRecorder::counts(const Problem& problem) {
  UseCounts* counts = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto [found, added] = by_problem_.emplace(problem, nullptr);
    if (added) {
      found->second = &counts_.emplace_back();
      found->second->problem = problem;
      fresh_ = true;
    }
    counts = found->second;
  }
  changed_.notify_all();
  return {shared_from_this(), counts};
}

void CaptureRecorder::flush() {
  if (process_ == getpid()) write();
}

void CaptureRecorder::leave_context() {
  flush();
  const std::lock_guard writing(writing_);
  log_ = nullptr;
}

void CaptureRecorder::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, kInterval, [this] { return stopping_ || fresh_; });
    if (fresh_ && !stopping_) changed_.wait_for(lock, kAfterNewProblem, [this] { return stopping_; });
    if (stopping_) return;  // the destructor writes
    fresh_ = false;
    lock.unlock();
    write();
    lock.lock();
  }
}

bool CaptureRecorder::write() {
  const std::lock_guard writing(writing_);
  std::vector<CapturedProblem> more;
  std::vector<UseCounts*> written;
  {
    const std::lock_guard lock(mutex_);
    for (UseCounts& counts : counts_) {
      const CapturedProblem added{
          .problem = counts.problem,
          .executions = counts.executions.load(std::memory_order_relaxed) - counts.executions_written,
          .requests = counts.requests.load(std::memory_order_relaxed) - counts.requests_written};
      if (added.executions == 0 && added.requests == 0) continue;
      more.push_back(added);
      written.push_back(&counts);
    }
  }
  if (more.empty()) return true;
  if (const Result<void> added = add_to_capture(file_, more, kWaitAtEnd); !added) {
    if (!complained_ && log_) log_(fmt::format("The problems are not captured: {}", added.error().message));
    complained_ = true;
    return false;
  }
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < written.size(); ++i) {
    written[i]->executions_written += more[i].executions;
    written[i]->requests_written += more[i].requests;
  }
  return true;
}

}  // namespace fftconv
