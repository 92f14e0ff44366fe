#include <fmt/format.h>

#include <cstring>
#include <mutex>

#include "fftconv/llvm_component.h"
#include "fftconv/sha256.h"
#include "fftconv/sim_device.h"
#include "fftconv/templates.h"
#include "sim/arena.h"
#include "sim/helpers.h"
#include "sim/launch.h"

namespace fftconv {
namespace sim {
namespace {

constexpr const char* default_arch = "sm_90a";

std::string prelude(SimMode mode) {
  const char* lanes = mode == SimMode::vector ? "sim/prelude_vector.h" : "sim/prelude_scalar.h";
  return fmt::format("{}{}", template_text(lanes), template_text("sim/prelude_common.h"));
}

// What a device and its kernels share; kernels may outlive the device.
struct State {
  SimOptions options;
  DeviceFacts facts;
  LlvmComponent* llvm = nullptr;
  Arena arena;

  std::mutex mutex;
  SimReport report;
  std::vector<std::unique_ptr<Workspace>> idle;

  std::unique_ptr<Workspace> take_workspace() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Workspace>();
    auto workspace = std::move(idle.back());
    idle.pop_back();
    return workspace;
  }
  void finish(std::unique_ptr<Workspace> workspace, SimReport finished) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(workspace));
    report = std::move(finished);
  }
};

class Kernel final : public LoadedKernel {
 public:
  Kernel(std::shared_ptr<State> state, std::shared_ptr<const LinkedObject> object)
      : state_(std::move(state)), object_(std::move(object)) {}

  Result<void> launch(const KernelEntry& entry, const KernelArgs& args, Stream) const override {
    if (auto legal = check(entry); !legal) return legal;
    LaunchRequest request;
    request.function = reinterpret_cast<KernelFunction>(object_->symbol(entry.name));
    request.entry = &entry;
    request.args = &args;
    request.memory = state_->arena.snapshot();
    auto workspace = state_->take_workspace();
    SimReport report;
    bool ran = false;
    {
      Launch launch(state_->options, std::move(request), *workspace);
      ran = launch.run();
      report = launch.take_report();
    }
    const std::string first = report.findings.empty() ? std::string() : report.findings.front().message;
    state_->finish(std::move(workspace), std::move(report));
    if (!ran) return Error{ErrorCode::out_of_memory, "No memory for the stacks of a simulated block."};
    if (!first.empty()) return Error{ErrorCode::launch_failed, fmt::format("{}: {}", entry.name, first)};
    return {};
  }

 private:
  Result<void> check(const KernelEntry& entry) const {
    if (entry.threads <= 0 || entry.threads > max_warps * lanes_per_warp || entry.threads % lanes_per_warp != 0) {
      return invalid(fmt::format("{} has blocks of {} threads: they must be a multiple of 32 up to 1024.", entry.name,
                                 entry.threads));
    }
    if (entry.shared_bytes < 0 || entry.shared_bytes > state_->facts.shared_per_block) {
      return Error{ErrorCode::launch_failed,
                   fmt::format("{} asks for {} bytes of shared memory a block and {} has {}.", entry.name,
                               entry.shared_bytes, state_->facts.arch, state_->facts.shared_per_block)};
    }
    for (int extent : entry.grid) {
      if (extent <= 0) return invalid(fmt::format("{} is launched on an empty grid.", entry.name));
    }
    if (!object_->symbol(entry.name)) {
      return Error{ErrorCode::not_found, fmt::format("The kernel has no entry named {}.", entry.name)};
    }
    const auto* threads = static_cast<const int*>(object_->symbol("fftconv_sim_threads_" + entry.name));
    if (threads && *threads != entry.threads) {
      return invalid(fmt::format("{} was emitted for blocks of {} threads and is launched with {}.", entry.name,
                                 *threads, entry.threads));
    }
    return {};
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<const LinkedObject> object_;
};

class Sim final : public SimDevice {
 public:
  explicit Sim(std::shared_ptr<State> state) : state_(std::move(state)) {}

  const DeviceFacts& facts() const override { return state_->facts; }
  std::string driver_version() const override { return "simulated"; }
  /// All that an object depends on besides the source: it names binaries in the cache.
  std::string compiler_version() const override {
    return fmt::format("clang {} for the simulation ({}, {}, prelude {})", state_->llvm->version(),
                       state_->options.mode == SimMode::vector ? "vector" : "fiber", state_->llvm->host_cpu(),
                       sha256(prelude(state_->options.mode)).substr(0, 12));
  }

  Result<CompiledKernel> compile(const KernelSource& source) override {
    ClangJob job;
    job.source = fmt::format("{}\n#line 1 \"kernel\"\n{}", prelude(state_->options.mode), source.text);
    job.file_name = "kernel";
    // Unoptimised: a kernel is compiled in a quarter of the time that -O1 takes, and spends its time in the helpers.
    job.arguments = {"-O0", "-DFFTCONV_SIM=1"};
    auto output = state_->llvm->compile(job);
    if (!output) return output.error();
    CompiledKernel kernel;
    kernel.format = BinaryFormat::object;
    kernel.binary = std::move(output->object);
    kernel.compile_s = output->seconds;
    kernel.log = std::move(output->diagnostics);
    return kernel;
  }

  Result<std::shared_ptr<const LoadedKernel>> load(const KernelSource&, const CompiledKernel& kernel) override {
    if (kernel.format != BinaryFormat::object) {
      return invalid("The simulated device runs its own objects only: compile the source with this device.");
    }
    auto object = state_->llvm->link(kernel.binary, helper_symbols());
    if (!object) return object.error();
    return std::shared_ptr<const LoadedKernel>(std::make_shared<Kernel>(state_, std::move(*object)));
  }

  Result<std::unique_ptr<DeviceBuffer>> allocate(std::size_t bytes) override { return state_->arena.allocate(bytes); }

  Result<void> upload(void* destination, const void* source, std::size_t bytes) override {
    if (!state_->arena.holds(destination, bytes)) return outside("to", bytes);
    std::memcpy(destination, source, bytes);
    return {};
  }

  Result<void> download(void* destination, const void* source, std::size_t bytes) override {
    if (!state_->arena.holds(source, bytes)) return outside("from", bytes);
    std::memcpy(destination, source, bytes);
    return {};
  }

  Result<void> synchronize(Stream) override {
    const std::string damage = state_->arena.damaged_guard();
    if (!damage.empty()) return Error{ErrorCode::launch_failed, damage};
    return {};
  }

  Result<Sample> sample(const LoadedKernel&, const KernelEntry&, const KernelArgs&, bool,
                        const KernelArgs*) override {
    return unsupported("The simulation never gives a timing: measure on the cuda or cpu device.");
  }

  SimReport last_report() const override {
    const std::lock_guard lock(state_->mutex);
    return state_->report;
  }

 private:
  static Error outside(const char* direction, std::size_t bytes) {
    return invalid(fmt::format("A copy of {} bytes {} the simulated device does not lie in one of its allocations.",
                               bytes, direction));
  }

  std::shared_ptr<State> state_;
};

}  // namespace
}  // namespace sim

Result<std::shared_ptr<SimDevice>> open_sim(const SimOptions& options) {
  auto llvm = llvm_component();
  if (!llvm) return llvm.error();
  auto facts = facts_of_arch(options.arch.empty() ? sim::default_arch : options.arch);
  if (!facts) return facts.error();
  auto state = std::make_shared<sim::State>();
  state->options = options;
  state->facts = std::move(*facts);
  state->facts.kind = DeviceKind::sim;
  state->facts.name = "simulated " + state->facts.arch;
  state->llvm = *llvm;
  return std::shared_ptr<SimDevice>(std::make_shared<sim::Sim>(std::move(state)));
}

Result<std::shared_ptr<Device>> open_sim_device(const std::string& arch) {
  auto device = open_sim({.arch = arch.empty() ? sim::default_arch : arch});
  if (!device) return device.error();
  return std::shared_ptr<Device>(std::move(*device));
}

}  // namespace fftconv
