#include "cuda/nvml.h"

#include "cuda/dynamic_library.h"

namespace fftconv::cuda {

std::unique_ptr<Nvml> Nvml::open(const std::string& bus_id) {
  const auto library = DynamicLibrary::open_first({"libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1",
                                                   "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
                                                   "/usr/local/nvidia/lib/libnvidia-ml.so.1"});
  if (!library) return nullptr;
  int (*init)() = nullptr;
  int (*handle_by_bus_id)(const char*, void**) = nullptr;
  std::unique_ptr<Nvml> nvml(new Nvml);
  const bool complete = library->bind(init, "nvmlInit_v2") &&
                        library->bind(handle_by_bus_id, "nvmlDeviceGetHandleByPciBusId_v2") &&
                        library->bind(nvml->clock_info_, "nvmlDeviceGetClockInfo") &&
                        library->bind(nvml->system_driver_version_, "nvmlSystemGetDriverVersion");
  if (!complete || init() != 0 || handle_by_bus_id(bus_id.c_str(), &nvml->device_) != 0) return nullptr;
  return nvml;
}

double Nvml::sm_clock_hz() const {
  constexpr int kSmClock = 1;
  unsigned mhz = 0;
  return clock_info_(device_, kSmClock, &mhz) == 0 ? mhz * 1e6 : 0;
}

std::string Nvml::driver_version() const {
  char text[96] = {};
  return system_driver_version_(text, sizeof text) == 0 ? text : "";
}

}  // namespace fftconv::cuda
