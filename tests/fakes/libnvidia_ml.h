// How a test talks to the fake libnvidia-ml: it opens the same file and asks for fake_nvml().
#pragma once

struct FakeNvml {
  bool present = false;       ///< else it does not start, as on a machine without a driver
  unsigned clock_mhz = 1980;  ///< of the SMs, now
  unsigned max_clock_mhz = 1980;
  unsigned long long reasons = 0;  ///< what holds the clock down
  int clock_status = 0;            ///< what each function answers; 3: not supported
  int max_clock_status = 0;
  int reasons_status = 0;
};

extern "C" FakeNvml* fake_nvml();
