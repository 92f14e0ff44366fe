// NVML, where it is present: the SM clock at a moment, what holds it down, and the driver's own version. Never
// required.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fftconv::cuda {

class Nvml {
 public:
  /// Null where none of `files` can be opened or does not know the device with this PCI bus id.
  static std::unique_ptr<Nvml> open(const std::string& bus_id, const std::vector<std::string>& files = usual_files());
  static std::vector<std::string> usual_files();

  double sm_clock_hz() const;          ///< now; 0 = unknown
  double max_sm_clock_hz() const;      ///< the highest of this card; 0 = unknown
  std::string driver_version() const;  ///< such as "580.159.03"; empty = unknown
  /// What holds the clock down now, as bits of NVML's nvmlClocksEventReasons; nothing where NVML does not say.
  std::optional<std::uint64_t> clock_reasons() const;

 private:
  Nvml() = default;
  void* device_ = nullptr;
  int (*clock_info_)(void*, int type, unsigned*) = nullptr;
  int (*system_driver_version_)(char*, unsigned) = nullptr;
  int (*max_clock_info_)(void*, int type, unsigned*) = nullptr;         ///< null where the library lacks it
  int (*clock_reasons_)(void*, unsigned long long* reasons) = nullptr;  ///< null where the library lacks it
};

}  // namespace fftconv::cuda
