// Whether a throttled card is seen: through a fake libcuda and a fake libnvidia-ml that say what a test scripts.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "cuda/nvml.h"
#include "cuda/throttling.h"
#include "fakes/libcuda.h"
#include "fakes/libnvidia_ml.h"
#include "fftconv/device.h"
#include "fftconv/settings.h"
#include "near.h"

using namespace fftconv;

namespace {

constexpr unsigned long long kIdle = 0x1, kApplicationClocks = 0x2, kPowerCap = 0x4, kHardwareSlowdown = 0x8,
                             kSyncBoost = 0x10, kThermal = 0x20, kHardwareThermal = 0x40, kPowerBrake = 0x80;
constexpr int kNotSupported = 3;

template <class Fake>
Fake& open_fake(const char* file, const char* function) {
  void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  REQUIRE_MESSAGE(library, dlerror());
  return *reinterpret_cast<Fake* (*)()>(dlsym(library, function))();
}

/// A fake card, new to this process, and a kernel on it.
struct FakeCard {
  Settings saved = settings();
  FakeCuda& cuda = open_fake<FakeCuda>(FFTCONV_FAKE_LIBCUDA, "fake_cuda");
  FakeNvml& nvml = open_fake<FakeNvml>(FFTCONV_FAKE_NVML, "fake_nvml");
  std::shared_ptr<Device> device;
  std::shared_ptr<const LoadedKernel> kernel;
  KernelSource source;

  explicit FakeCard(const FakeNvml& script) {
    Settings changed = settings();
    changed.cuda_driver = FFTCONV_FAKE_LIBCUDA;
    set_settings(changed);
    nvml = script;
    cuda.calls.clear();  // of the card before, which flushed many times to wake up
    auto opened = open_cuda_device(0);
    REQUIRE_MESSAGE(opened, opened.error().message);
    device = *opened;
    source.convolution = source.spectrum = {.name = "convolve", .grid = {1, 1, 1}, .threads = 32};
    CompiledKernel compiled;
    compiled.format = BinaryFormat::cubin;
    const std::string text = "FAKE convolve";
    compiled.binary.resize(text.size());
    std::memcpy(compiled.binary.data(), text.data(), text.size());
    auto loaded = device->load(source, compiled);
    REQUIRE_MESSAGE(loaded, loaded.error().message);
    kernel = *loaded;
  }
  ~FakeCard() {
    nvml = {};
    set_settings(saved);
  }

  Sample sample() const {
    const auto sample = device->sample(*kernel, source.convolution, {}, true);
    REQUIRE_MESSAGE(sample, sample.error().message);
    return *sample;
  }
};

/// Of the first sample that a process takes on a card in this state.
bool first_is_throttled(const FakeNvml& script) { return FakeCard(script).sample().throttled; }

}  // namespace

TEST_CASE("a quiet card is not throttled, and a sample carries its clock") {
  const FakeCard card({.present = true, .clock_mhz = 1980});
  for (int i = 0; i < 3; ++i) {
    const Sample sample = card.sample();
    CHECK_FALSE(sample.throttled);
    CHECK(sample.clock_hz == doctest::Approx(1.98e9));
  }
}

TEST_CASE("a card throttled by heat or by its hardware is seen in the first sample") {
  for (const unsigned long long reason : {kHardwareSlowdown, kThermal, kHardwareThermal, kPowerBrake}) {
    CAPTURE(reason);
    CHECK(first_is_throttled({.present = true, .clock_mhz = 1200, .reasons = reason}));
    CHECK(first_is_throttled({.present = true, .reasons = reason | kIdle}));
    CHECK(first_is_throttled({.present = true, .reasons = reason, .clock_status = kNotSupported}));
  }
}

TEST_CASE("a card capped in power is seen in the first sample where that takes more than a tenth of its clock") {
  CHECK(first_is_throttled({.present = true, .clock_mhz = 1750, .reasons = kPowerCap}));
  CHECK_FALSE(first_is_throttled({.present = true, .clock_mhz = 1810, .reasons = kPowerCap}));
}

TEST_CASE("a clock that is low because the card idles or its user set it is not throttled") {
  for (const unsigned long long reason : {0ull, kIdle, kApplicationClocks, kSyncBoost}) {
    CAPTURE(reason);
    CHECK_FALSE(first_is_throttled({.present = true, .clock_mhz = 1200, .reasons = reason}));
  }
}

TEST_CASE("a card that slows down and recovers is throttled meanwhile, whatever NVML says of the reasons") {
  for (const int status : {0, kNotSupported}) {
    const FakeCard card({.present = true, .clock_mhz = 1900, .reasons_status = status});
    CHECK_FALSE(card.sample().throttled);
    card.nvml.clock_mhz = 1500;
    CHECK(card.sample().throttled);
    card.nvml.clock_mhz = 1600;
    CHECK_FALSE(card.sample().throttled);
  }
}

TEST_CASE("where NVML gives no reasons the clock is held against the highest of the card") {
  CHECK(first_is_throttled({.present = true, .clock_mhz = 1500, .reasons_status = kNotSupported}));
  CHECK_FALSE(first_is_throttled({.present = true, .clock_mhz = 1600, .reasons_status = kNotSupported}));
  CHECK_FALSE(first_is_throttled(
      {.present = true, .clock_mhz = 1500, .max_clock_mhz = 1600, .reasons_status = kNotSupported}));
  // Nor the highest clock: the driver's attribute, 1980 MHz.
  for (const unsigned clock : {1500u, 1600u}) {
    CHECK(first_is_throttled({.present = true,
                              .clock_mhz = clock,
                              .max_clock_mhz = 0,
                              .max_clock_status = kNotSupported,
                              .reasons_status = kNotSupported}) == (clock == 1500));
  }
}

TEST_CASE("without NVML, or where it knows no clock, samples are taken, have none and are not called throttled") {
  for (const FakeNvml& script :
       {FakeNvml{.reasons = kThermal},
        FakeNvml{.present = true, .clock_status = kNotSupported, .reasons_status = kNotSupported}}) {
    const FakeCard card(script);
    const Sample sample = card.sample();
    CHECK(test::near(sample.seconds, 1e-3 * card.cuda.elapsed_ms, 1e-6));
    CHECK(sample.clock_hz == 0);
    CHECK_FALSE(sample.throttled);
  }
}

TEST_CASE("the reasons are read by their old name where the driver has no other") {
  open_fake<FakeNvml>(FFTCONV_FAKE_OLD_NVML, "fake_nvml") = {.present = true, .clock_mhz = 1234, .reasons = kThermal};
  const auto nvml = cuda::Nvml::open("0000:00:00.0", {FFTCONV_FAKE_OLD_NVML});
  REQUIRE(nvml);
  CHECK(nvml->sm_clock_hz() == doctest::Approx(1.234e9));
  CHECK(nvml->clock_reasons() == kThermal);
  CHECK_FALSE(cuda::Nvml::open("0000:01:00.0", {FFTCONV_FAKE_OLD_NVML}));
  CHECK_FALSE(cuda::Nvml::open("0000:00:00.0", {"/nowhere/libnvidia-ml.so.1"}));
}
