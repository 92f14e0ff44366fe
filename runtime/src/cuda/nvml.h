// NVML, where it is present: the SM clock at a moment and the driver's own version. Never required.
#pragma once

#include <memory>
#include <string>

namespace fftconv::cuda {

class Nvml {
 public:
  /// Null where libnvidia-ml cannot be opened or does not know the device with this PCI bus id.
  static std::unique_ptr<Nvml> open(const std::string& bus_id);

  double sm_clock_hz() const;          ///< now; 0 = unknown
  std::string driver_version() const;  ///< such as "580.159.03"; empty = unknown

 private:
  Nvml() = default;
  void* device_ = nullptr;
  int (*clock_info_)(void*, int type, unsigned*) = nullptr;
  int (*system_driver_version_)(char*, unsigned) = nullptr;
};

}  // namespace fftconv::cuda
