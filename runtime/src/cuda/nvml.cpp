#include "cuda/nvml.h"

#include "cuda/dynamic_library.h"

namespace fftconv::cuda {
namespace {

constexpr int kSmClock = 1;

double clock_of(int (*ask)(void*, int, unsigned*), void* device) {
  unsigned mhz = 0;
  return ask && ask(device, kSmClock, &mhz) == 0 ? mhz * 1e6 : 0;
}

}  // namespace

std::vector<std::string> Nvml::usual_files() {
  return {"libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1", "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
          "/usr/local/nvidia/lib/libnvidia-ml.so.1"};
}

std::unique_ptr<Nvml> Nvml::open(const std::string& bus_id, const std::vector<std::string>& files) {
  const auto library = DynamicLibrary::open_first(files);
  if (!library) return nullptr;
  int (*init)() = nullptr;
  int (*handle_by_bus_id)(const char*, void**) = nullptr;
  std::unique_ptr<Nvml> nvml(new Nvml);
  const bool complete = library->bind(init, "nvmlInit_v2") &&
                        library->bind(handle_by_bus_id, "nvmlDeviceGetHandleByPciBusId_v2") &&
                        library->bind(nvml->clock_info_, "nvmlDeviceGetClockInfo") &&
                        library->bind(nvml->system_driver_version_, "nvmlSystemGetDriverVersion");
  if (!complete || init() != 0 || handle_by_bus_id(bus_id.c_str(), &nvml->device_) != 0) return nullptr;
  library->bind(nvml->max_clock_info_, "nvmlDeviceGetMaxClockInfo");
  // The name since driver 535, and the one before.
  if (!library->bind(nvml->clock_reasons_, "nvmlDeviceGetCurrentClocksEventReasons")) {
    library->bind(nvml->clock_reasons_, "nvmlDeviceGetCurrentClocksThrottleReasons");
  }
  return nvml;
}

double Nvml::sm_clock_hz() const { return clock_of(clock_info_, device_); }

double Nvml::max_sm_clock_hz() const { return clock_of(max_clock_info_, device_); }

std::optional<std::uint64_t> Nvml::clock_reasons() const {
  unsigned long long reasons = 0;
  if (!clock_reasons_ || clock_reasons_(device_, &reasons) != 0) return std::nullopt;
  return reasons;
}

std::string Nvml::driver_version() const {
  char text[96] = {};
  return system_driver_version_(text, sizeof text) == 0 ? text : "";
}

}  // namespace fftconv::cuda
