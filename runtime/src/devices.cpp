#include <fmt/format.h>

#include "fftconv/device.h"
#include "fftconv/settings.h"

namespace fftconv {
namespace {

constexpr int kMostCudaDevices = 64;

DeviceInfo describe(DeviceKind kind, int ordinal, const Result<std::shared_ptr<Device>>& device) {
  if (!device) return {.kind = kind, .ordinal = ordinal, .missing = device.error().message};
  return {.kind = kind,
          .ordinal = ordinal,
          .available = true,
          .name = (*device)->facts().name,
          .caveat = (*device)->caveat()};
}

Result<DeviceKind> parse_kind(const std::string& text) {
  for (DeviceKind kind : {DeviceKind::cuda, DeviceKind::cpu, DeviceKind::sim}) {
    if (text == to_string(kind)) return kind;
  }
  return invalid(fmt::format("'{}' is no device: use cuda, cpu or sim (FFTCONV_DEVICE or --device).", text));
}

}  // namespace

std::vector<DeviceInfo> list_devices() {
  std::vector<DeviceInfo> devices;
  for (int ordinal = 0; ordinal < kMostCudaDevices; ++ordinal) {
    DeviceInfo info = describe(DeviceKind::cuda, ordinal, open_cuda_device(ordinal));
    // Past the last device the ordinal is refused; only the first refusal says something about the machine.
    if (!info.available && ordinal > 0) break;
    devices.push_back(std::move(info));
    if (!devices.back().available) break;
  }
  devices.push_back(describe(DeviceKind::cpu, 0, open_cpu_device()));
  devices.push_back(describe(DeviceKind::sim, 0, open_sim_device({})));
  return devices;
}

Result<std::shared_ptr<Device>> open_device(DeviceKind kind, int ordinal, const std::string& arch) {
  if (ordinal < 0) return invalid(fmt::format("Device ordinal {} is negative: count devices from 0.", ordinal));
  if (kind != DeviceKind::cuda && ordinal > 0) {
    return Error{ErrorCode::device_missing, fmt::format("There is one {} device: use ordinal 0.", to_string(kind))};
  }
  switch (kind) {
    case DeviceKind::cuda:
    case DeviceKind::cpu: {
      auto device = kind == DeviceKind::cuda ? open_cuda_device(ordinal) : open_cpu_device();
      if (device && !arch.empty() && arch != (*device)->facts().arch) {
        return Error{ErrorCode::device_missing,
                     fmt::format("{} is {}, not {}: leave the architecture out, or open the sim device for it.",
                                 (*device)->facts().name, (*device)->facts().arch, arch)};
      }
      return device;
    }
    case DeviceKind::sim:
      return open_sim_device(arch);
    case DeviceKind::fake:
      break;
  }
  return invalid("The fake device is made by make_fake_device(), with a script: it cannot be opened by kind.");
}

Result<std::shared_ptr<Device>> open_best_device() {
  const std::string& wanted = settings().device;
  if (!wanted.empty()) {
    Result<DeviceKind> kind = parse_kind(wanted);
    if (!kind) return kind.error();
    return open_device(*kind);
  }
  auto cuda = open_cuda_device(0);
  if (cuda) return cuda;
  auto cpu = open_cpu_device();
  if (cpu) return cpu;
  return Error{ErrorCode::device_missing,
               fmt::format("No device can run here. cuda: {} cpu: {}", cuda.error().message, cpu.error().message)};
}

}  // namespace fftconv
