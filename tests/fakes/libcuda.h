// How a test talks to the fake libcuda: it opens the same file and asks for fake_cuda().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct FakeLaunch {
  std::string entry;
  unsigned grid[3] = {};
  unsigned threads = 0;
  unsigned shared_bytes = 0;
  void* stream = nullptr;
  std::vector<unsigned char> parameter;  ///< first bytes of the struct that was passed
};

struct FakeCuda {
  int major = 9;
  int minor = 0;
  int devices = 1;
  std::size_t memory_limit = std::size_t{1} << 30;
  std::size_t parameter_bytes = 0;  ///< how much of the kernel's parameter to keep
  float elapsed_ms = 1.5f;
  std::string fail_function;  ///< this function answers `fail_status`
  int fail_status = 999;

  /// A stream that is being captured in global mode: what might wait for the device is refused to every thread that
  /// is not in relaxed mode, and ends the capture, as the driver's manual says.
  std::atomic<void*> capturing = nullptr;
  /// That stream is of the kind that the default one does not wait for (CU_STREAM_NON_BLOCKING, as PyTorch's are): a
  /// call on the default stream is no part of the capture, and asking that one tells nothing of it.
  std::atomic<bool> non_blocking = false;
  std::atomic<bool> capture_broken = false;
  std::atomic<int> captured_launches = 0;

  std::vector<std::string> calls;  ///< names, in order, of what does something to the device
  std::vector<FakeLaunch> launches;
  std::atomic<int> wrong_context = 0;  ///< calls made while the primary context was not current
  std::atomic<std::int64_t> allocated = 0;
  int modules = 0;  ///< loaded now
  int contexts = 0;
};

extern "C" FakeCuda* fake_cuda();
