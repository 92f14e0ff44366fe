// One worker process and the channel to it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "worker/reaper.h"
#include "worker/wire.h"

namespace fftconv::worker {

/// How a request failed, and what that says of the candidate that it was about: nothing where the process was
/// `killed`, by signal 9, which the system sends where memory ends, or somebody else; nothing, too, where the request
/// was `cut_off` since the search was over.
struct Failure {
  enum class Kind { timed_out, crashed, killed, cut_off } kind = Kind::crashed;
  std::string reason;  ///< one sentence without a full stop: "ended by signal 11 (Segmentation fault)"
};

/// Ended with the object. For one thread at a time.
class Process {
 public:
  /// Starts `program` with its channel as descriptor 3, without standard input and output and any other descriptor,
  /// as the leader of a process group of its own. Errors: io.
  static Result<std::unique_ptr<Process>> start(const std::filesystem::path& program, std::int64_t memory_bytes,
                                                std::shared_ptr<Reaper> reaper = Reaper::shared());
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Sends a request and waits for its answer, at most `seconds`, and no longer once `over` says so. On a failure the
  /// process is ended (dead() is true).
  Result<Message> ask(const Message& request, double seconds, Failure& failure,
                      const std::function<bool()>& over = {});
  /// Sends what has no answer. A process that does not take it is ended.
  void tell(const Message& message);
  bool dead() const { return pid_ <= 0; }

 private:
  Process(pid_t pid, int channel, std::int64_t memory_bytes, std::shared_ptr<Reaper> reaper)
      : pid_(pid), channel_(channel), memory_bytes_(memory_bytes), reaper_(std::move(reaper)) {}
  /// Ends the process group and says how the process ended. One that does not end is left to the reaper.
  std::string end();

  pid_t pid_;
  int channel_;
  std::int64_t memory_bytes_;
  std::shared_ptr<Reaper> reaper_;
};

}  // namespace fftconv::worker
