// The device that a command line names, or the architecture where only that is known.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fftconv/device.h"
#include "fftconv/plan.h"

namespace fftconv::tools {

/// As typed; an empty text leaves what the environment says.
struct MachineOptions {
  std::string device;     ///< "cuda", "cuda:1", "cpu", "sim"; empty: the best one present; a sweep takes lists
  std::string arch;       ///< "sm_90a" …
  std::string cache_dir;  ///< folder of both databases
  std::string mpi;        ///< "on", "off", or file of the MPI component
  std::string threads;    ///< of the CPU device, a number
  std::string nvrtc, llvm, host_compiler, libcuda, worker;
};

/// Puts what the options say over the environment. Call once, before anything opens a library.
void apply_settings(const MachineOptions& options);

struct DeviceName {
  DeviceKind kind = DeviceKind::cpu;
  int ordinal = 0;
};
Result<DeviceName> parse_device_name(const std::string& text);

/// Where candidates are compiled and ranked, and, where `device` is set, run.
struct Target {
  std::shared_ptr<Device> device;  ///< null: no such device here, the facts are those of its architecture
  DeviceFacts facts;
  std::string why_absent;  ///< one sentence where `device` is null
};

/// Opens the device. A CUDA device that is missing, or of another architecture than --arch, leaves a target without a
/// device where an architecture was named; without one it is an error that says so.
Result<Target> open_target(const MachineOptions& options);

/// The names in a list: "cuda:0,cuda:1", or "cuda:all" for every CUDA device among `present`. One name, even an empty
/// one, is itself. Errors: invalid_argument for one that is named twice, device_missing where "all" are none.
Result<std::vector<std::string>> split_device_names(const std::string& text, const std::vector<DeviceInfo>& present);

/// The device of one of several processes of a machine that has `gpus`: no name, "cuda" and "cuda:all" give each a
/// GPU, in turn; every other name is what all of them get.
std::string device_of_rank(const std::string& typed, int local_rank, int gpus);

/// open_target() for each device of a list; only a single one may be absent.
Result<std::vector<Target>> open_targets(const MachineOptions& options);

/// Facts alone: an architecture where one is named or where CUDA is asked for and missing (sm_90a then), else of the
/// device. For tools that generate and compile without running.
Result<Target> open_target_for_inspection(const MachineOptions& options);

/// The precision that a problem has where none is typed: f32 on a CPU, f16 on a GPU.
Precision default_precision(const DeviceFacts& facts);

}  // namespace fftconv::tools
