// CaptureRecorder: counts what a context's plans are used for and adds it to the capture file.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "fftconv/capture.h"
#include "fftconv/tuning_db.h"

namespace fftconv {

/// Counts of one problem; each of its plans has them. Counting is one relaxed addition.
struct UseCounts {
  Problem problem;
  std::atomic<std::uint64_t> executions = 0;
  std::atomic<std::uint64_t> requests = 0;
  std::uint64_t executions_written = 0;  ///< under the recorder's lock
  std::uint64_t requests_written = 0;
};

/// Writes soon after a problem is seen for the first time, then every few seconds where something was counted, when
/// the context and the last plan go, and at exit: a process that is killed loses seconds. A file that cannot be
/// written is said once and tried again.
class CaptureRecorder : public std::enable_shared_from_this<CaptureRecorder> {
 public:
  static std::shared_ptr<CaptureRecorder> make(std::filesystem::path file, LogCallback log);
  ~CaptureRecorder();
  CaptureRecorder(const CaptureRecorder&) = delete;
  CaptureRecorder& operator=(const CaptureRecorder&) = delete;

  /// The counts of a problem; they keep the recorder alive.
  std::shared_ptr<UseCounts> counts(const Problem& problem);
  /// Adds what was counted since the last time to the file.
  void flush();
  /// The last writing for the context's sake: its log may go with it, so that nothing is said any more.
  void leave_context();

 private:
  CaptureRecorder(std::filesystem::path file, LogCallback log);
  void work();
  bool write();

  std::filesystem::path file_;
  LogCallback log_;
  int process_;  ///< a child of fork() has a copy of the counts and must not write them again
  std::mutex writing_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<UseCounts> counts_;  ///< addresses stay
  std::unordered_map<Problem, UseCounts*> by_problem_;
  bool fresh_ = false;  ///< a problem was added since the last writing
  bool stopping_ = false;
  bool complained_ = false;  ///< under writing_
  std::thread writer_;
};

}  // namespace fftconv
