// A Python process that answers lines of JSON, and the memory that it shares with this one.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "json_out.h"

namespace fftconv::tools {

/// The text of tools/bench_peers/contender.py.
const char* python_contender();

/// Floats that a child process sees, too, as a file descriptor.
class SharedFloats {
 public:
  static Result<std::unique_ptr<SharedFloats>> create(std::size_t count);
  ~SharedFloats();
  SharedFloats(const SharedFloats&) = delete;
  SharedFloats& operator=(const SharedFloats&) = delete;

  float* data() const { return data_; }
  int descriptor() const { return descriptor_; }

 private:
  SharedFloats(int descriptor, float* data, std::size_t bytes)
      : descriptor_(descriptor), data_(data), bytes_(bytes) {}
  int descriptor_;
  float* data_;
  std::size_t bytes_;
};

/// Ended, at once, with the object.
class PythonChild {
 public:
  static constexpr int kShared = 3;  ///< where the child finds the shared memory

  /// Runs python_contender() for a module. Its standard error is not shown: what goes wrong is told as an answer.
  static Result<std::unique_ptr<PythonChild>> start(const std::string& python, const std::string& module,
                                                    int shared_descriptor);
  ~PythonChild();
  PythonChild(const PythonChild&) = delete;
  PythonChild& operator=(const PythonChild&) = delete;

  /// Sends a line and waits for the answer. Errors: launch_failed where the child failed, ended or answered what is
  /// no JSON object, timeout after ten minutes, dependency_missing where it says that it lacks something.
  Result<Json> ask(const std::string& line);

 private:
  PythonChild(pid_t process, int channel, std::string who)
      : process_(process), channel_(channel), who_(std::move(who)) {}
  Result<std::string> read_line();

  pid_t process_;
  int channel_;
  std::string who_, unread_;
};

}  // namespace fftconv::tools
