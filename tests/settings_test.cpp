#include "fftconv/settings.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "fftconv/device.h"

namespace fftconv {

// settings() reads once for each process: the environment is prepared before main.
const bool environment_prepared = [] {
  setenv("FFTCONV_CACHE_DIR", "/somewhere/cache", 1);
  setenv("FFTCONV_NVRTC", "/somewhere/libnvrtc.so", 1);
  setenv("FFTCONV_LLVM", "off", 1);
  setenv("FFTCONV_LIBCUDA", "off", 1);
  setenv("FFTCONV_THREADS", "3", 1);
  unsetenv("FFTCONV_DEVICE");
  unsetenv("FFTCONV_HOST_COMPILER");
  return true;
}();

TEST_CASE("every variable is read, an absent one is empty, and later changes are not seen") {
  CHECK(settings().cache_dir == "/somewhere/cache");
  CHECK(settings().nvrtc == "/somewhere/libnvrtc.so");
  CHECK(settings().llvm_component == "off");
  CHECK(settings().cuda_driver == "off");
  CHECK(settings().threads == "3");
  CHECK(settings().device.empty());
  setenv("FFTCONV_CACHE_DIR", "/elsewhere", 1);
  CHECK(settings().cache_dir == "/somewhere/cache");
}

TEST_CASE("an option replaces what the environment said") {
  const Settings before = settings();
  Settings changed = before;
  changed.cache_dir = "/from/an/option";
  set_settings(changed);
  CHECK(settings().cache_dir == "/from/an/option");
  set_settings(before);
}

TEST_CASE("a child gets what an option said, not what the environment says") {
  const Settings before = settings();
  Settings changed = before;
  changed.nvrtc = "/from/an/option.so";
  changed.host_compiler = "/some/clang++";
  changed.cuda_driver.clear();
  set_settings(changed);
  const std::vector<std::string> variables = environment_for_children();
  set_settings(before);
  const auto count = [&](const std::string& start) {
    return std::count_if(variables.begin(), variables.end(), [&](const auto& v) { return v.starts_with(start); });
  };
  CHECK(count("FFTCONV_NVRTC=/from/an/option.so") == 1);
  CHECK(count("FFTCONV_NVRTC=") == 1);
  CHECK(count("FFTCONV_HOST_COMPILER=/some/clang++") == 1);
  CHECK(count("FFTCONV_LIBCUDA=") == 0);
  CHECK(count("FFTCONV_CACHE_DIR=") == 1);
}

TEST_CASE("an unknown device in FFTCONV_DEVICE is refused by name") {
  const Settings before = settings();
  Settings changed = before;
  changed.device = "tpu";
  set_settings(changed);
  const auto device = open_best_device();
  set_settings(before);
  REQUIRE(!device);
  CHECK(device.error().code == ErrorCode::invalid_argument);
  CHECK(device.error().message.find("'tpu'") != std::string::npos);
}

TEST_CASE("what is no number of threads is refused where the CPU device is opened") {
  const Settings before = settings();
  for (const char* text : {"0", "-1", "two", "2x", "1000000"}) {
    Settings changed = before;
    changed.threads = text;
    set_settings(changed);
    const auto device = open_cpu_device();
    set_settings(before);
    REQUIRE(!device);
    CHECK(device.error().code == ErrorCode::invalid_argument);
    CHECK(device.error().message.find(text) != std::string::npos);
  }
}

TEST_CASE("the fake device cannot be opened by kind") {
  const auto device = open_device(DeviceKind::fake);
  REQUIRE(!device);
  CHECK(device.error().message.find("make_fake_device") != std::string::npos);
}

TEST_CASE("a negative ordinal is refused") {
  const auto device = open_device(DeviceKind::cpu, -1);
  REQUIRE(!device);
  CHECK(device.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("the list names every kind and says what is missing where the libraries are switched off") {
  bool cuda = false;
  bool cpu = false;
  bool sim = false;
  for (const DeviceInfo& info : list_devices()) {
    cuda |= info.kind == DeviceKind::cuda;
    cpu |= info.kind == DeviceKind::cpu;
    sim |= info.kind == DeviceKind::sim;
    // The CPU is always there: without a compiler it has a portable kernel, and says so.
    const bool always = info.kind == DeviceKind::cpu;
    CHECK(info.available == always);
    CHECK(info.name.empty() == !always);
    CHECK((always ? info.caveat : info.missing).size() > 20);
  }
  CHECK(cuda);
  CHECK(cpu);
  CHECK(sim);
}

}  // namespace fftconv
