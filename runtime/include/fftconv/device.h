// Device: where kernels are compiled, loaded, run and timed. Implementations: cuda, cpu, sim, fake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fftconv/compiled_kernel.h"
#include "fftconv/device_facts.h"
#include "fftconv/kernel_source.h"
#include "fftconv/result.h"

namespace fftconv {

/// A stream of the device: CUstream on cuda (null = the default stream), ignored elsewhere.
using Stream = void*;

/// Memory of a device, freed with the object. Addresses are device addresses (host addresses on cpu and sim).
class DeviceBuffer {
 public:
  virtual ~DeviceBuffer() = default;
  virtual void* data() const = 0;
  virtual std::size_t size() const = 0;
};

/// A binary loaded into a device. Immutable; launch() may be called from many threads, takes no lock and allocates
/// nothing. Asynchronous on cuda.
class LoadedKernel {
 public:
  virtual ~LoadedKernel() = default;
  virtual Result<void> launch(const KernelEntry& entry, const KernelArgs& args, Stream stream) const = 0;
};

/// One timed launch.
struct Sample {
  double seconds = 0;
  double clock_hz = 0;  ///< 0 = unknown
  /// Throw the sample away: it tells of the device's state more than of the kernel. On cuda the card was held back by
  /// its heat or its power, as NVML says; without NVML that goes unseen. On cpu the processor's clock had dropped, or
  /// others disturbed the launch: the system took the processor away from it. There never more than six in a row are
  /// thrown away, nor more than a quarter for long: a machine that is always busy is measured as it is.
  bool throttled = false;
};

/// What Device::enter_background() gives; leave it on the thread that entered it.
class BackgroundScope {
 public:
  virtual ~BackgroundScope() = default;
};

class Device {
 public:
  virtual ~Device() = default;

  virtual const DeviceFacts& facts() const = 0;
  /// Which device of its kind.
  virtual int ordinal() const { return 0; }
  /// The facts without their rates, which cost the CPU device a measurement: what a device is, not how fast.
  virtual const DeviceFacts& identity() const { return facts(); }
  virtual std::string driver_version() const = 0;
  virtual std::string compiler_version() const = 0;
  /// Why kernels are slower here than they could be, and what to do about it, in one sentence; empty where they are
  /// not.
  virtual std::string caveat() const { return {}; }

  /// Compiles without looking into any cache. Thread-safe.
  virtual Result<CompiledKernel> compile(const KernelSource& source) = 0;
  virtual Result<std::shared_ptr<const LoadedKernel>> load(const KernelSource& source,
                                                           const CompiledKernel& kernel) = 0;

  virtual Result<std::unique_ptr<DeviceBuffer>> allocate(std::size_t bytes) = 0;
  virtual Result<void> upload(void* destination, const void* source, std::size_t bytes) = 0;
  virtual Result<void> download(void* destination, const void* source, std::size_t bytes) = 0;
  /// Waits for all work of the stream; reports what failed since the last call.
  virtual Result<void> synchronize(Stream stream) = 0;

  /// Whether launches on `stream` are recorded into a graph at the moment (null: any stream that the default one
  /// waits for). Then nothing may be loaded, allocated or waited for.
  virtual bool is_capturing(Stream) const { return false; }

  /// Makes this thread one that works beside the application, for as long as the object lives: where a call has no
  /// stream of its own it uses a private one, which no stream of the application waits for; and what it loads and
  /// allocates breaks no capture of another thread. Null where that is so anyhow.
  virtual std::unique_ptr<BackgroundScope> enter_background() { return nullptr; }

  /// Times one launch. Synchronous. With `cold` the L2 (or last-level cache) is flushed before it and `warm` is not
  /// used. Else (hot) an untimed launch on the arguments `warm` comes right before it, none where that is null. They
  /// are to have other inputs than `args`, whose own would else be in the cache. Without it a hot time on cuda holds
  /// some microseconds of the host's, which queues the launch while the GPU is idle.
  virtual Result<Sample> sample(const LoadedKernel& kernel, const KernelEntry& entry, const KernelArgs& args,
                                bool cold, const KernelArgs* warm = nullptr) = 0;
};

struct DeviceInfo {
  DeviceKind kind;
  int ordinal = 0;
  bool available = false;
  std::string name;
  std::string missing;  ///< where not available: what is missing and what that costs, one sentence
  std::string caveat;   ///< where available: Device::caveat()
};

/// Every kind of device with what it lacks here; never fails.
std::vector<DeviceInfo> list_devices();

/// Opens a device. `arch` overrides the architecture (sim: what to simulate, default sm_90a).
Result<std::shared_ptr<Device>> open_device(DeviceKind kind, int ordinal = 0, const std::string& arch = {});
/// The best device present: cuda if there is one, else cpu.
Result<std::shared_ptr<Device>> open_best_device();

// One maker for each kind, in runtime/src/<kind>/.
Result<std::shared_ptr<Device>> open_cuda_device(int ordinal);
Result<std::shared_ptr<Device>> open_cpu_device();
Result<std::shared_ptr<Device>> open_sim_device(const std::string& arch);

}  // namespace fftconv
