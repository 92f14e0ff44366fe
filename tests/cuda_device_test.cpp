// The CUDA device: refusals, everything it does through a fake libcuda, and on a GPU a real kernel.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cuda/cuda_facts.h"
#include "cuda/driver.h"
#include "fakes/libcuda.h"
#include "fftconv/device.h"
#include "fftconv/settings.h"
#include "near.h"

using namespace fftconv;

namespace {

struct SettingsGuard {
  Settings saved = settings();
  ~SettingsGuard() { set_settings(saved); }
};

void use_driver(const std::string& file) {
  Settings changed = settings();
  changed.cuda_driver = file;
  set_settings(changed);
}

/// The fake driver, reset, chosen for as long as the object lives.
struct FakeDriver {
  SettingsGuard guard;
  FakeCuda& fake = *open();
  FakeDriver() {
    use_driver(FFTCONV_FAKE_LIBCUDA);
    fake.major = 9;
    fake.minor = 0;
    fake.devices = 1;
    fake.memory_limit = std::size_t{1} << 30;
    fake.parameter_bytes = sizeof(KernelArgs);
    fake.elapsed_ms = 1.5f;
    fake.fail_function.clear();
    fake.calls.clear();
    fake.launches.clear();
    fake.wrong_context = 0;
  }
  static FakeCuda* open() {
    void* library = dlopen(FFTCONV_FAKE_LIBCUDA, RTLD_NOW | RTLD_LOCAL);
    REQUIRE_MESSAGE(library, dlerror());
    return reinterpret_cast<FakeCuda* (*)()>(dlsym(library, "fake_cuda"))();
  }
  std::ptrdiff_t count(const std::string& call) const {
    return std::count(fake.calls.begin(), fake.calls.end(), call);
  }
};

KernelSource two_entries() {
  KernelSource source;
  source.convolution = {.name = "convolve", .grid = {12, 3, 1}, .threads = 256, .shared_bytes = 100 * 1024};
  source.spectrum = {.name = "spectrum", .grid = {4, 1, 1}, .threads = 128, .shared_bytes = 1024};
  return source;
}

CompiledKernel fake_binary(const std::string& text) {
  CompiledKernel kernel;
  kernel.format = BinaryFormat::cubin;
  kernel.binary.resize(text.size());
  std::memcpy(kernel.binary.data(), text.data(), text.size());
  return kernel;
}

}  // namespace

TEST_CASE("with the driver turned off or not there the refusal says what is missing and what it costs") {
  const SettingsGuard guard;
  for (const char* choice : {"off", "/nowhere/libcuda.so.1", "libm.so.6"}) {
    CAPTURE(choice);
    use_driver(choice);
    const auto device = open_cuda_device(0);
    REQUIRE(!device.ok());
    CHECK(device.error().code == ErrorCode::device_missing);
    CHECK(device.error().message.find("neither run nor timed") != std::string::npos);
    CHECK(device.error().message.find(choice) != std::string::npos);
  }
}

TEST_CASE("an ordinal past the last GPU is refused") {
  FakeDriver driver;
  const auto device = open_cuda_device(1);
  REQUIRE(!device.ok());
  CHECK(device.error().code == ErrorCode::device_missing);
  CHECK(device.error().message.find("no GPU 1") != std::string::npos);
  driver.fake.devices = 0;
  CHECK(!open_cuda_device(0).ok());
}

TEST_CASE("each compute capability is compiled for a target that runs on it") {
  CHECK(cuda::target_for(8, 0)->arch == "sm_80");
  CHECK(cuda::target_for(8, 7)->arch == "sm_86");
  CHECK(cuda::target_for(8, 7)->exact);
  CHECK(cuda::target_for(9, 0)->arch == "sm_90a");
  CHECK(cuda::target_for(9, 0)->exact);
  CHECK(cuda::target_for(10, 3)->arch == "sm_100a");
  CHECK(!cuda::target_for(10, 3)->exact);
  CHECK(cuda::target_for(12, 1)->arch == "sm_120");
  const auto old = cuda::target_for(7, 5);
  REQUIRE(!old.ok());
  CHECK(old.error().code == ErrorCode::unsupported);
  CHECK(old.error().message.find("7.5") != std::string::npos);
}

TEST_CASE("facts come from the driver's attributes") {
  const FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE_MESSAGE(device.ok(), device.error().message);
  const DeviceFacts& facts = (*device)->facts();
  CHECK(facts.kind == DeviceKind::cuda);
  CHECK(facts.name == "Fake GPU");
  CHECK(facts.arch == "sm_90a");
  CHECK(facts.sm_count == 132);
  CHECK(facts.clock_hz == doctest::Approx(1.98e9));
  CHECK(facts.shared_per_block == 232448);
  CHECK(facts.max_warps_per_sm == 64);
  CHECK(facts.l2_bytes == 62914560);
  CHECK(facts.memory_bytes_per_s > 4.0e12);
  CHECK(facts.memory_bytes_per_s < 4.8e12);
  CHECK(facts.mma_f16_flops > 0);
  CHECK(!facts.measured);
  CHECK((*device)->driver_version().find("CUDA 13.0") != std::string::npos);
}

TEST_CASE("memory goes to the device and comes back, and is freed with its object") {
  const FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE(device.ok());
  {
    const auto buffer = (*device)->allocate(1000);
    REQUIRE(buffer.ok());
    CHECK((*buffer)->size() == 1000);
    std::vector<unsigned char> sent(1000), received(1000);
    std::mt19937 random(7);
    for (auto& byte : sent) byte = static_cast<unsigned char>(random());
    REQUIRE((*device)->upload((*buffer)->data(), sent.data(), sent.size()).ok());
    REQUIRE((*device)->download(received.data(), (*buffer)->data(), received.size()).ok());
    CHECK(sent == received);
    const auto empty = (*device)->allocate(0);
    REQUIRE(empty.ok());
    CHECK((*empty)->size() == 0);
  }
  CHECK(driver.fake.allocated == 0);
  CHECK(driver.fake.wrong_context == 0);
}

TEST_CASE("too large an allocation is out_of_memory and says how much is free") {
  const FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE(device.ok());
  const auto buffer = (*device)->allocate(std::size_t{2} << 30);
  REQUIRE(!buffer.ok());
  CHECK(buffer.error().code == ErrorCode::out_of_memory);
  CHECK(buffer.error().message.find("1073741824 of 1073741824 are free") != std::string::npos);
}

TEST_CASE("a launch passes the grid, the shared memory, the stream and the arguments as one struct") {
  const FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE(device.ok());
  const KernelSource source = two_entries();
  const auto kernel = (*device)->load(source, fake_binary("FAKE convolve spectrum"));
  REQUIRE_MESSAGE(kernel.ok(), kernel.error().message);
  KernelArgs args;
  args.batch = 64;
  args.filters = 768;
  int stream = 0;
  REQUIRE((*kernel)->launch(source.convolution, args, &stream).ok());
  REQUIRE((*kernel)->launch(source.spectrum, args, nullptr).ok());
  REQUIRE(driver.fake.launches.size() == 2);
  const FakeLaunch& first = driver.fake.launches[0];
  CHECK(first.entry == "convolve");
  CHECK(first.grid[0] == 12);
  CHECK(first.grid[1] == 3);
  CHECK(first.threads == 256);
  CHECK(first.shared_bytes == 100 * 1024);
  CHECK(first.stream == &stream);
  REQUIRE(first.parameter.size() == sizeof args);
  CHECK(std::memcmp(first.parameter.data(), &args, sizeof args) == 0);
  CHECK(driver.fake.launches[1].entry == "spectrum");
}

TEST_CASE("a launch makes no call besides the launch, so that it is legal while a stream is captured") {
  FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE(device.ok());
  const KernelSource source = two_entries();
  const auto kernel = (*device)->load(source, fake_binary("FAKE convolve spectrum"));
  REQUIRE(kernel.ok());
  driver.fake.calls.clear();
  REQUIRE((*kernel)->launch(source.convolution, {}, nullptr).ok());
  CHECK(driver.fake.calls == std::vector<std::string>{"cuLaunchKernel"});
}

TEST_CASE("threads without a context launch in the device's context and are left as they were") {
  const FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE(device.ok());
  const KernelSource source = two_entries();
  const auto kernel = (*device)->load(source, fake_binary("FAKE convolve spectrum"));
  REQUIRE(kernel.ok());
  std::atomic<int> good = 0, left_behind = 0;
  const auto work = [&] {
    for (int i = 0; i < 50; ++i) good += (*kernel)->launch(source.convolution, {}, nullptr).ok() ? 1 : 0;
    cuda::CuContext context = nullptr;
    (*cuda::driver())->context_get(&context);
    left_behind += context != nullptr ? 1 : 0;
  };
  std::thread first(work), second(work);
  first.join();
  second.join();
  CHECK(good == 100);
  CHECK(left_behind == 0);
  CHECK(driver.fake.wrong_context == 0);
}

TEST_CASE("a binary that does not load, an entry that is not there and too much shared memory are launch_failed") {
  const FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE(device.ok());
  KernelSource source = two_entries();
  const auto damaged = (*device)->load(source, fake_binary("rubbish"));
  REQUIRE(!damaged.ok());
  CHECK(damaged.error().code == ErrorCode::launch_failed);
  CHECK(damaged.error().message.find("not a fake module") != std::string::npos);

  const auto nameless = (*device)->load(source, fake_binary("FAKE convolve"));
  REQUIRE(!nameless.ok());
  CHECK(nameless.error().message.find("no entry spectrum") != std::string::npos);

  source.convolution.shared_bytes = 1 << 20;
  const auto large = (*device)->load(source, fake_binary("FAKE convolve spectrum"));
  REQUIRE(!large.ok());
  CHECK(large.error().message.find("1048576 bytes of shared memory") != std::string::npos);
  CHECK(driver.fake.modules == 0);  // nothing leaks where loading fails half way
}

TEST_CASE("a refused launch says what was asked for") {
  FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE(device.ok());
  const KernelSource source = two_entries();
  const auto kernel = (*device)->load(source, fake_binary("FAKE convolve spectrum"));
  REQUIRE(kernel.ok());
  driver.fake.fail_function = "cuLaunchKernel";
  const auto launched = (*kernel)->launch(source.convolution, {}, nullptr);
  REQUIRE(!launched.ok());
  CHECK(launched.error().code == ErrorCode::launch_failed);
  CHECK(launched.error().message.find("12 x 3 x 1 blocks of 256 threads") != std::string::npos);
  CHECK(launched.error().message.find("scripted failure") != std::string::npos);
}

TEST_CASE("what failed while running is told by synchronize") {
  FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE(device.ok());
  CHECK((*device)->synchronize(nullptr).ok());
  driver.fake.fail_function = "cuStreamSynchronize";
  const auto done = (*device)->synchronize(nullptr);
  REQUIRE(!done.ok());
  CHECK(done.error().code == ErrorCode::launch_failed);
}

TEST_CASE("a cold sample flushes the L2 and launches once, a hot one launches untimed on other inputs first") {
  FakeDriver driver;
  const auto device = open_cuda_device(0);
  REQUIRE(device.ok());
  const KernelSource source = two_entries();
  const auto kernel = (*device)->load(source, fake_binary("FAKE convolve spectrum"));
  REQUIRE(kernel.ok());
  const auto first = (*device)->sample(**kernel, source.convolution, {}, true);
  REQUIRE_MESSAGE(first.ok(), first.error().message);
  CHECK(test::near(first->seconds, 1.5e-3, 1e-6));
  CHECK(!first->throttled);

  driver.fake.calls.clear();
  driver.fake.launches.clear();
  KernelArgs args, warm;
  args.batch = 64;
  warm.batch = 32;
  const auto launched_with = [&](std::size_t i) {
    KernelArgs passed;
    REQUIRE(driver.fake.launches.at(i).parameter.size() == sizeof passed);
    std::memcpy(&passed, driver.fake.launches[i].parameter.data(), sizeof passed);
    return passed.batch;
  };
  REQUIRE((*device)->sample(**kernel, source.convolution, args, true, &warm).ok());
  CHECK(driver.fake.calls == std::vector<std::string>{"cuMemsetD8Async", "cuEventRecord", "cuLaunchKernel",
                                                      "cuEventRecord", "cuEventSynchronize", "cuEventElapsedTime"});
  CHECK(launched_with(0) == 64);

  driver.fake.calls.clear();
  driver.fake.launches.clear();
  REQUIRE((*device)->sample(**kernel, source.convolution, args, false, &warm).ok());
  CHECK(driver.fake.calls == std::vector<std::string>{"cuLaunchKernel", "cuEventRecord", "cuLaunchKernel",
                                                      "cuEventRecord", "cuEventSynchronize", "cuEventElapsedTime"});
  CHECK(launched_with(0) == 32);
  CHECK(launched_with(1) == 64);
  CHECK(driver.fake.launches[0].stream == driver.fake.launches[1].stream);

  driver.fake.calls.clear();
  REQUIRE((*device)->sample(**kernel, source.convolution, args, false).ok());
  CHECK(driver.fake.calls == std::vector<std::string>{"cuEventRecord", "cuLaunchKernel", "cuEventRecord",
                                                      "cuEventSynchronize", "cuEventElapsedTime"});
}

TEST_CASE("every driver call that a sample makes is checked") {
  for (const char* call : {"cuStreamCreate", "cuEventCreate", "cuMemAlloc_v2", "cuMemsetD8Async", "cuEventRecord",
                           "cuLaunchKernel", "cuEventSynchronize", "cuEventElapsedTime"}) {
    CAPTURE(call);
    FakeDriver driver;
    const auto device = open_cuda_device(0);
    REQUIRE(device.ok());
    const KernelSource source = two_entries();
    const auto kernel = (*device)->load(source, fake_binary("FAKE convolve spectrum"));
    REQUIRE(kernel.ok());
    driver.fake.fail_function = call;
    CHECK(!(*device)->sample(**kernel, source.convolution, {}, true).ok());
    const KernelArgs warm;
    CHECK(!(*device)->sample(**kernel, source.convolution, {}, false, &warm).ok());
    driver.fake.fail_function.clear();
    CHECK((*device)->sample(**kernel, source.convolution, {}, true).ok());  // and the device still works
  }
}

TEST_CASE("everything is given back when the device goes") {
  FakeDriver driver;
  {
    const auto device = open_cuda_device(0);
    REQUIRE(device.ok());
    const KernelSource source = two_entries();
    const auto kernel = (*device)->load(source, fake_binary("FAKE convolve spectrum"));
    REQUIRE(kernel.ok());
    REQUIRE((*device)->sample(**kernel, source.convolution, {}, true).ok());
  }
  CHECK(driver.fake.modules == 0);
  CHECK(driver.fake.allocated == 0);
  CHECK(driver.fake.contexts == 0);
}

TEST_CASE("on a GPU a kernel compiles, loads, runs and is timed") {
  const auto device = open_cuda_device(0);
  if (!device) {
    MESSAGE("skipped: " << device.error().message);
    return;
  }
  KernelSource source;
  source.text =
      "struct Args { const void* u; void* y; const void* rest[7]; long long sizes[5]; };\n"
      "extern \"C\" __global__ void scale(const Args args) {\n"
      "  extern __shared__ float staged[];\n"
      "  const long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;\n"
      "  staged[threadIdx.x] = i < args.sizes[2] ? ((const float*)args.u)[i] : 0.0f;\n"
      "  __syncthreads();\n"
      "  if (i < args.sizes[2]) ((float*)args.y)[i] = 3.0f * staged[threadIdx.x];\n"
      "}\n";
  constexpr int kLength = 100'003;
  source.convolution = {
      .name = "scale", .grid = {(kLength + 255) / 256, 1, 1}, .threads = 256, .shared_bytes = 64 * 1024};
  const auto compiled = (*device)->compile(source);
  REQUIRE_MESSAGE(compiled.ok(), compiled.error().message);
  const auto kernel = (*device)->load(source, *compiled);
  REQUIRE_MESSAGE(kernel.ok(), kernel.error().message);

  std::vector<float> sent(kLength), received(kLength, -1.0f);
  std::mt19937 random(11);
  for (float& value : sent) value = static_cast<float>(random() % 1000) - 500.0f;
  const auto u = (*device)->allocate(kLength * sizeof(float));
  const auto y = (*device)->allocate(kLength * sizeof(float));
  REQUIRE(u.ok());
  REQUIRE(y.ok());
  REQUIRE((*device)->upload((*u)->data(), sent.data(), kLength * sizeof(float)).ok());
  REQUIRE((*device)->upload((*y)->data(), received.data(), kLength * sizeof(float)).ok());
  KernelArgs args;
  args.u = (*u)->data();
  args.y = (*y)->data();
  args.seqlen = kLength;
  REQUIRE((*kernel)->launch(source.convolution, args, nullptr).ok());
  REQUIRE((*device)->synchronize(nullptr).ok());
  REQUIRE((*device)->download(received.data(), (*y)->data(), kLength * sizeof(float)).ok());
  int wrong = 0;
  for (int i = 0; i < kLength; ++i) wrong += received[i] == 3.0f * sent[i] ? 0 : 1;
  CHECK(wrong == 0);
  for (bool cold : {true, false}) {
    const auto sample = (*device)->sample(**kernel, source.convolution, args, cold, &args);
    REQUIRE_MESSAGE(sample.ok(), sample.error().message);
    CHECK(sample->seconds > 1e-7);
    CHECK(sample->seconds < 1e-2);
  }
}
