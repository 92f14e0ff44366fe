// The CPU device without the LLVM component. A program of its own, since the component is opened once a process.
#include <doctest/doctest.h>

#include "fftconv/device.h"
#include "fftconv/settings.h"

using namespace fftconv;

TEST_CASE("without the LLVM component the CPU device says what to install") {
  Settings without = settings();
  without.llvm_component = "off";
  set_settings(without);
  const auto device = open_cpu_device();
  REQUIRE_FALSE(device.ok());
  CHECK(device.error().code == ErrorCode::dependency_missing);
  CHECK(device.error().message.find("install LLVM 19") != std::string::npos);
}
