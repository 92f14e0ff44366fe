// A libnvidia-ml without a driver: clocks and reasons as a test scripts them. It bears the real one's name for the
// loader (its soname), so that it is found under that name once a test has opened it. FFTCONV_FAKE_NVML_REASONS names
// the function that tells the reasons: it was renamed with driver 535.
#include "libnvidia_ml.h"

#include <cstring>

namespace {

constexpr int kNotSupported = 3, kNotFound = 6, kLibraryNotFound = 12, kSmClock = 1;

int card;  // its address is the only device

}  // namespace

extern "C" {

FakeNvml* fake_nvml() {
  static FakeNvml fake;
  return &fake;
}

int nvmlInit_v2() { return fake_nvml()->present ? 0 : kLibraryNotFound; }

int nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, void** device) {
  *device = &card;
  return std::strcmp(bus_id, "0000:00:00.0") == 0 ? 0 : kNotFound;
}

int nvmlDeviceGetClockInfo(void* device, int type, unsigned* mhz) {
  if (device != &card || type != kSmClock) return kNotSupported;
  *mhz = fake_nvml()->clock_mhz;
  return fake_nvml()->clock_status;
}

int nvmlDeviceGetMaxClockInfo(void* device, int type, unsigned* mhz) {
  if (device != &card || type != kSmClock) return kNotSupported;
  *mhz = fake_nvml()->max_clock_mhz;
  return fake_nvml()->max_clock_status;
}

int FFTCONV_FAKE_NVML_REASONS(void* device, unsigned long long* reasons) {
  if (device != &card) return kNotSupported;
  *reasons = fake_nvml()->reasons;
  return fake_nvml()->reasons_status;
}

int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  std::strncpy(text, "999.01", size);
  return 0;
}

}  // extern "C"
