#include "machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "fftconv/settings.h"

namespace fftconv::tools {
namespace {

constexpr const char* kDefaultArch = "sm_90a";

Result<Target> target_of_arch(const std::string& arch, std::string why_absent) {
  auto facts = facts_of_arch(arch);
  if (!facts) return facts.error();
  return Target{nullptr, *facts, std::move(why_absent)};
}

Result<Target> target_of(Result<std::shared_ptr<Device>> device) {
  if (!device) return device.error();
  return Target{*device, (*device)->facts(), {}};
}

bool is_cuda_arch(const std::string& arch) { return arch.starts_with("sm_"); }

/// The device typed, else that of the environment, else none.
std::string named_device(const MachineOptions& options) {
  return options.device.empty() ? settings().device : options.device;
}

}  // namespace

void apply_settings(const MachineOptions& options) {
  Settings merged = settings();
  const auto put = [](const std::string& typed, std::string& field) {
    if (!typed.empty()) field = typed;
  };
  put(options.cache_dir, merged.cache_dir);
  put(options.nvrtc, merged.nvrtc);
  put(options.llvm, merged.llvm_component);
  put(options.threads, merged.threads);
  put(options.host_compiler, merged.host_compiler);
  put(options.worker, merged.worker);
  if (options.mpi != "on") put(options.mpi, merged.mpi_component);
  put(options.libcuda, merged.cuda_driver);
  set_settings(merged);
}

Result<DeviceName> parse_device_name(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  DeviceName name;
  if (colon != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [stop, code] = std::from_chars(text.data() + colon + 1, end, name.ordinal);
    if (code != std::errc() || stop != end || name.ordinal < 0) {
      return invalid(fmt::format("device '{}' has no number after the colon; write for example cuda:1", text));
    }
  }
  for (const DeviceKind known : {DeviceKind::cuda, DeviceKind::cpu, DeviceKind::sim}) {
    if (kind == to_string(known)) {
      name.kind = known;
      return name;
    }
  }
  return invalid(fmt::format("unknown device '{}'; give cuda, cuda:N, cpu or sim", text));
}

Result<Target> open_target(const MachineOptions& options) {
  const std::string typed = named_device(options);
  if (!options.arch.empty() && is_cuda_arch(options.arch)) {
    auto known = facts_of_arch(options.arch);
    if (!known) return known.error();
  }
  if (typed.empty() && !is_cuda_arch(options.arch)) return target_of(open_best_device());
  auto name = typed.empty() ? Result<DeviceName>(DeviceName{DeviceKind::cuda, 0}) : parse_device_name(typed);
  if (!name) return name.error();
  if (name->kind != DeviceKind::cuda) return target_of(open_device(name->kind, name->ordinal, options.arch));
  auto device = open_device(DeviceKind::cuda, name->ordinal);
  if (options.arch.empty()) {
    if (device) return target_of(std::move(device));
    Error error = device.error();
    error.message += "; give --arch sm_90a (or another) to compile and rank without measuring";
    return error;
  }
  if (!device) return target_of_arch(options.arch, device.error().message);
  if ((*device)->facts().arch == options.arch) return target_of(std::move(device));
  return target_of_arch(options.arch, fmt::format("the CUDA device here is {}", (*device)->facts().arch));
}

Result<Target> open_target_for_inspection(const MachineOptions& options) {
  std::string typed = named_device(options);
  if (typed.empty()) typed = "cuda";
  const auto name = parse_device_name(typed);
  if (!name) return name.error();
  if (name->kind == DeviceKind::cpu) return target_of(open_device(DeviceKind::cpu, name->ordinal, options.arch));
  if (!options.arch.empty()) return target_of_arch(options.arch, "an architecture was named");
  auto device = name->kind == DeviceKind::cuda ? open_device(DeviceKind::cuda, name->ordinal)
                                               : Result<std::shared_ptr<Device>>(invalid("the simulated device"));
  if (device) return target_of(std::move(device));
  return target_of_arch(kDefaultArch, device.error().message);
}

Precision default_precision(const DeviceFacts& facts) {
  return facts.kind == DeviceKind::cpu ? Precision::f32 : Precision::f16;
}

}  // namespace fftconv::tools
