// A libcuda without a GPU: memory is host memory, a module is the text "FAKE name name …", a launch is written down.
// A program that cannot ask for fake_cuda() is scripted by the environment: FFTCONV_FAKE_KERNEL_S, what a kernel
// takes (negative: it never ends), and FFTCONV_FAKE_FAULT, the launch, counted from 1, that ends the process.
#include "libcuda.h"

#include <time.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <utility>

extern "C" FakeCuda* fake_cuda();

namespace {

using Status = int;
using Address = unsigned long long;
constexpr Status kOutOfMemory = 2, kInvalidValue = 1, kNotFound = 500, kInvalidImage = 200;

int primary;  // its address is the primary context
thread_local void* current_context = nullptr;

struct Function {
  std::string name;
  int dynamic_limit = 48 * 1024;
};
struct Module {
  std::map<std::string, Function> functions;
};

constexpr Status kCaptureUnsupported = 900, kCaptureImplicit = 906;
constexpr int kRelaxed = 2;
thread_local int capture_mode = 0;
int streams[64];  // addresses of streams
int streams_made = 0;

std::mutex mutex;
std::map<Address, std::size_t> blocks;

double scripted(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? std::atof(text) : 0;
}

int running = 0;  // kernels that nobody has waited for

/// Waits for all that was launched.
void finish() {
  static const double seconds = scripted("FFTCONV_FAKE_KERNEL_S");
  int waiting = 0;
  {
    const std::lock_guard lock(mutex);
    std::swap(waiting, running);
  }
  while (seconds < 0 && waiting > 0) pause();
  const double total = waiting * seconds;
  const timespec time = {static_cast<time_t>(total), static_cast<long>(std::fmod(total, 1.0) * 1e9)};
  if (total > 0) nanosleep(&time, nullptr);
}

Status enter(const char* name, bool needs_context = true) {
  FakeCuda& fake = *fake_cuda();
  const std::lock_guard lock(mutex);
  fake.calls.push_back(name);
  if (needs_context && current_context != &primary) ++fake.wrong_context;
  return fake.fail_function == name ? fake.fail_status : 0;
}

// For a function that might wait for the device, or that waits for `stream`.
Status enter_unsafe(const char* name) {
  if (const Status status = enter(name)) return status;
  if (!fake_cuda()->capturing || capture_mode == kRelaxed) return 0;
  fake_cuda()->capture_broken = true;
  return kCaptureUnsupported;
}

// The legacy default stream waits for every other one that was not made "non blocking".
bool waits_for_captured(void* stream) { return !stream && fake_cuda()->capturing && !fake_cuda()->non_blocking; }

Status enter_stream(const char* name, void* stream) {
  if (const Status status = enter(name)) return status;
  void* captured = fake_cuda()->capturing;
  const bool is_captured = captured && stream == captured;
  if (!is_captured && !waits_for_captured(stream)) return 0;
  fake_cuda()->capture_broken = true;
  return stream ? kCaptureUnsupported : kCaptureImplicit;
}

}  // namespace

#define FAKE_ENTER(name, ...) \
  if (const Status status = enter(name, ##__VA_ARGS__)) return status
#define FAKE_ENTER_UNSAFE(name) \
  if (const Status status = enter_unsafe(name)) return status
#define FAKE_ON_STREAM(name, stream) \
  if (const Status status = enter_stream(name, stream)) return status

extern "C" {

FakeCuda* fake_cuda() {
  static FakeCuda fake;
  return &fake;
}

Status cuGetErrorString(Status status, const char** text) {
  *text = status == kOutOfMemory ? "out of memory" : "scripted failure";
  return 0;
}
Status cuInit(unsigned) { return 0; }
Status cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
Status cuDeviceGetCount(int* count) {
  *count = fake_cuda()->devices;
  return 0;
}
Status cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return 0;
}
Status cuDeviceGetName(char* text, int size, int) {
  std::strncpy(text, "Fake GPU", static_cast<std::size_t>(size));
  return 0;
}
Status cuDeviceGetAttribute(int* value, int attribute, int) {
  static const std::map<int, int> attributes = {{13, 1980000}, {16, 132},      {36, 3201000},
                                                {37, 6144},    {38, 62914560}, {39, 2048},
                                                {81, 233472},  {82, 65536},    {97, 232448}};
  if (attribute == 75) *value = fake_cuda()->major;
  if (attribute == 76) *value = fake_cuda()->minor;
  if (const auto found = attributes.find(attribute); found != attributes.end()) *value = found->second;
  return 0;
}
Status cuDeviceGetPCIBusId(char* text, int size, int) {
  std::strncpy(text, "0000:00:00.0", static_cast<std::size_t>(size));
  return 0;
}
Status cuDevicePrimaryCtxRetain(void** context, int) {
  FAKE_ENTER("cuDevicePrimaryCtxRetain", false);
  ++fake_cuda()->contexts;
  *context = &primary;
  return 0;
}
Status cuDevicePrimaryCtxRelease_v2(int) {
  --fake_cuda()->contexts;
  return 0;
}
Status cuCtxGetCurrent(void** context) {
  *context = current_context;
  return 0;
}
Status cuCtxSetCurrent(void* context) {
  current_context = context;
  return 0;
}
Status cuModuleLoadDataEx(Module** module, const char* image, unsigned, int*, void** values) {
  FAKE_ENTER_UNSAFE("cuModuleLoadDataEx");
  std::istringstream words(image);
  std::string word;
  if (!(words >> word) || word != "FAKE") {
    std::strcpy(static_cast<char*>(values[0]), "not a fake module");
    return kInvalidImage;
  }
  *module = new Module;
  while (words >> word) (*module)->functions[word].name = word;
  ++fake_cuda()->modules;
  return 0;
}
Status cuModuleUnload(Module* module) {
  FAKE_ENTER_UNSAFE("cuModuleUnload");
  --fake_cuda()->modules;
  delete module;
  return 0;
}
Status cuModuleGetFunction(Function** function, Module* module, const char* name) {
  FAKE_ENTER("cuModuleGetFunction");
  const auto found = module->functions.find(name);
  if (found == module->functions.end()) return kNotFound;
  *function = &found->second;
  return 0;
}
Status cuFuncGetAttribute(int* value, int, Function*) {
  *value = 32;
  return 0;
}
Status cuFuncSetAttribute(Function* function, int attribute, int value) {
  FAKE_ENTER("cuFuncSetAttribute");
  if (value > 232448) return kInvalidValue;
  if (attribute == 8) function->dynamic_limit = value;
  return 0;
}
Status cuLaunchKernel(Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned, unsigned,
                      unsigned shared, void* stream, void** parameters, void**) {
  FAKE_ENTER("cuLaunchKernel");
  if (static_cast<int>(shared) > function->dynamic_limit || gx == 0 || bx == 0) return kInvalidValue;
  if (waits_for_captured(stream)) {
    fake_cuda()->capture_broken = true;
    return kCaptureImplicit;
  }
  if (fake_cuda()->capturing == stream && stream) ++fake_cuda()->captured_launches;
  const auto* bytes = static_cast<const unsigned char*>(parameters[0]);
  const std::lock_guard lock(mutex);
  static const auto fault = static_cast<std::size_t>(scripted("FFTCONV_FAKE_FAULT"));
  if (++running; fault > 0 && fake_cuda()->launches.size() + 1 == fault) std::abort();
  fake_cuda()->launches.push_back(
      {function->name, {gx, gy, gz}, bx, shared, stream, {bytes, bytes + fake_cuda()->parameter_bytes}});
  return 0;
}
Status cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  *total = fake_cuda()->memory_limit;
  *free = *total - static_cast<std::size_t>(fake_cuda()->allocated);
  return 0;
}
Status cuMemAlloc_v2(Address* address, std::size_t bytes) {
  FAKE_ENTER_UNSAFE("cuMemAlloc_v2");
  if (bytes == 0) return kInvalidValue;
  if (static_cast<std::size_t>(fake_cuda()->allocated) + bytes > fake_cuda()->memory_limit) return kOutOfMemory;
  *address = reinterpret_cast<Address>(std::malloc(bytes));
  const std::lock_guard lock(mutex);
  blocks[*address] = bytes;
  fake_cuda()->allocated += static_cast<std::int64_t>(bytes);
  return 0;
}
Status cuMemFree_v2(Address address) {
  FAKE_ENTER_UNSAFE("cuMemFree_v2");
  const std::lock_guard lock(mutex);
  const auto found = blocks.find(address);
  if (found == blocks.end()) return kInvalidValue;
  fake_cuda()->allocated -= static_cast<std::int64_t>(found->second);
  blocks.erase(found);
  std::free(reinterpret_cast<void*>(address));
  return 0;
}
Status cuMemcpyHtoD_v2(Address to, const void* from, std::size_t bytes) {
  FAKE_ENTER_UNSAFE("cuMemcpyHtoD_v2");
  FAKE_ON_STREAM("cuMemcpyHtoD_v2 on the default stream", nullptr);
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return 0;
}
Status cuMemcpyDtoH_v2(void* to, Address from, std::size_t bytes) {
  FAKE_ENTER_UNSAFE("cuMemcpyDtoH_v2");
  FAKE_ON_STREAM("cuMemcpyDtoH_v2 on the default stream", nullptr);
  finish();
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return 0;
}
Status cuMemsetD8Async(Address, unsigned char, std::size_t, void*) {
  FAKE_ENTER("cuMemsetD8Async");
  return 0;
}
Status cuStreamCreate(void** stream, unsigned) {
  FAKE_ENTER("cuStreamCreate");
  *stream = &streams[streams_made++ % 64];
  return 0;
}
Status cuStreamDestroy_v2(void*) { return 0; }
Status cuStreamSynchronize(void* stream) {
  FAKE_ENTER_UNSAFE("cuStreamSynchronize");
  FAKE_ON_STREAM(stream ? "wait for a stream" : "wait for the default stream", stream);
  finish();
  return 0;
}
Status cuStreamIsCapturing(void* stream, int* status) {
  *status = 0;
  void* captured = fake_cuda()->capturing;
  if (waits_for_captured(stream)) return kCaptureImplicit;
  if (captured && stream == captured) *status = 1;
  return 0;
}
Status cuThreadExchangeStreamCaptureMode(int* mode) {
  std::swap(*mode, capture_mode);
  return 0;
}
Status cuMemcpyHtoDAsync_v2(Address to, const void* from, std::size_t bytes, void* stream) {
  FAKE_ON_STREAM("cuMemcpyHtoDAsync_v2", stream);
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return 0;
}
Status cuMemcpyDtoHAsync_v2(void* to, Address from, std::size_t bytes, void* stream) {
  FAKE_ON_STREAM("cuMemcpyDtoHAsync_v2", stream);
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return 0;
}
Status cuEventCreate(void** event, unsigned) {
  FAKE_ENTER("cuEventCreate");
  *event = &primary;
  return 0;
}
Status cuEventDestroy_v2(void*) { return 0; }
Status cuEventRecord(void*, void*) {
  FAKE_ENTER("cuEventRecord");
  return 0;
}
Status cuEventSynchronize(void*) {
  FAKE_ENTER_UNSAFE("cuEventSynchronize");
  finish();
  return 0;
}
Status cuEventElapsedTime(float* milliseconds, void*, void*) {
  FAKE_ENTER("cuEventElapsedTime");
  *milliseconds = fake_cuda()->elapsed_ms;
  return 0;
}

}  // extern "C"
