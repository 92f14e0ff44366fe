// fftconv-worker: compiles and runs candidates for a tuner that started it. See fftconv/worker.h.
#include "fftconv/device.h"
#include "fftconv/worker.h"

int main(int argc, char** argv) {
  return fftconv::worker_main(
      argc, argv, [](fftconv::DeviceKind kind, int ordinal) { return fftconv::open_device(kind, ordinal); });
}
