// A worker whose fake device has planted candidates: each kind of harm that one can do to a tuner. With the CPU
// device the harm is in the source that clang compiles.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <thread>
#include <vector>

#include "../forwarding_device.h"
#include "fftconv/worker.h"
#include "planted.h"
#include "worker/values.h"

namespace fftconv {
namespace {

std::map<std::string, std::string> read_plants() {
  std::map<std::string, std::string> plants;  // by config
  const char* file = std::getenv(test::kPlantsVariable);
  std::ifstream in(file ? file : "");
  for (std::string plant, config; in >> plant >> config;) plants[config] = plant;
  return plants;
}

[[noreturn]] void hang() {
  for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
}

[[noreturn]] void crash() {
  std::signal(SIGSEGV, SIG_DFL);  // as without a sanitizer
  ::raise(SIGSEGV);
  std::abort();
}

// The limit counts what is asked for, so that a page of each block is enough: filling them takes seconds on a busy
// machine, which would be the other limit. Without a limit it gives up at four gigabytes.
[[noreturn]] void exhaust_memory() {
  for (int i = 0; i < 64; ++i) *static_cast<volatile char*>(::operator new(64u << 20)) = 'x';
  _exit(7);  // not as where the memory ends
}

/// Launches of a candidate, over all processes: bytes of a file beside the plants.
std::size_t count_launch() {
  const char* file = std::getenv(test::kPlantsVariable);
  const std::string counter = std::string(file ? file : "") + ".launches";
  std::ofstream(counter, std::ios::app) << 'x';
  return static_cast<std::size_t>(std::filesystem::file_size(counter));
}

/// Before the worker's own: an answer in good order whose values cannot be.
void forge_answer(const std::string& plant) {
  worker::Writer out;
  out.put(true);
  if (plant == "forge-status") put(out, Measurement{.status = static_cast<TrialStatus>(99), .error = 1e-4});
  if (plant == "forge-count") put(out, Measurement{.error = 1e-4, .registers = -5});
  if (plant == "forge-error") put(out, Measurement{.error = std::numeric_limits<double>::quiet_NaN()});
  if (plant == "compile-forge") put(out, CompiledKernel{.registers = -1});
  (void)worker::send(3, {worker::Kind::answer, out.take()}, 10);
}

int trespasses = 0;    // of the candidate planted "inputs-later", in this process
int own_launches = 0;  // of the candidate planted "third" or "late", in this process
bool context_broken = false;
bool heap_broken = false;
bool results_spoiled = false;
bool others_ran = false;

Result<void> do_harm(const std::string& plant, bool compiling) {
  const std::string when = compiling ? "compile-" : "";
  if (plant == when + "crash") crash();
  if (plant == when + "hang") hang();
  if (plant == when + "memory") exhaust_memory();
  if (plant == when + "exit") _exit(0);
  if (plant.starts_with(when + "forge")) forge_answer(plant);
  if (compiling) return {};
  if (plant == "print") {
    for (int i = 0; i < 10000; ++i) std::puts("garbage"), std::fputs("garbage\n", stderr);
  }
  if (plant == "channel") {
    const std::vector<char> garbage(5000, 'g');
    (void)!write(3, garbage.data(), garbage.size());
  }
  if (plant == "descriptors") {
    for (int descriptor = 4; descriptor < 256; ++descriptor) (void)!write(descriptor, "garbage", 7);
  }
  if (plant == "third" && ++own_launches == 3) crash();
  if (plant == "late") {
    if (heap_broken) crash();
    heap_broken = ++own_launches == 3;  // what comes after its third answer does not run well, itself included
  }
  if (plant == "sometimes" && count_launch() % 4 == 0) crash();
  if (plant == "context") {
    context_broken = true;
    return Error{ErrorCode::launch_failed, "an illegal memory access was encountered"};
  }
  if (plant == "full") return Error{ErrorCode::out_of_memory, "no room for this one"};
  if (plant == "killed") ::raise(SIGKILL);
  if (plant == "spoil") results_spoiled = true;  // its own are right
  if (plant != "leftover") others_ran = true;
  if (plant == "poison") heap_broken = true;  // it runs well itself; what comes after it does not
  if (context_broken) return Error{ErrorCode::launch_failed, "the context is unusable after an earlier error"};
  if (heap_broken && plant != "poison" && plant != "late") crash();
  return {};
}

// Through the host addresses of the fake device.
void trespass(const std::string& plant, const KernelArgs& args) {
  auto* u = const_cast<unsigned char*>(static_cast<const unsigned char*>(args.u));
  if (plant == "outside") static_cast<unsigned char*>(args.y)[-1] += 1;
  if (plant == "inputs") u[0] += 1;
  if (plant == "inputs-later" && ++trespasses > 2) {  // the first two launches are the check's
    u[0] += 1;
    u[-1] += 1;
  }
}

/// A kernel of the CPU device whose candidate does harm when it is launched, and writes over what it computed.
class TamperedKernel : public LoadedKernel {
 public:
  TamperedKernel(std::shared_ptr<const LoadedKernel> inner, std::string plant)
      : inner_(std::move(inner)), plant_(std::move(plant)) {}

  Result<void> launch(const KernelEntry& entry, const KernelArgs& args, Stream stream) const override {
    if (!args.y) return inner_->launch(entry, args, stream);  // the spectrum's
    if (auto harmed = do_harm(plant_, false); !harmed) return harmed;
    if (auto launched = inner_->launch(entry, args, stream); !launched) return launched;
    auto* y = static_cast<float*>(args.y);
    if (plant_ == "wrong") y[0] += 1000;
    if (plant_ == "nan") y[0] = std::numeric_limits<float>::quiet_NaN();
    return {};
  }

 private:
  std::shared_ptr<const LoadedKernel> inner_;
  std::string plant_;
};

/// The CPU device, but that planted candidates are compiled from a source with one more statement, or do their harm
/// around the compiler and the kernel.
class TamperedDevice : public ForwardingDevice {
 public:
  TamperedDevice(std::shared_ptr<Device> inner, std::map<std::string, std::string> plants)
      : ForwardingDevice(std::move(inner)), plants_(std::move(plants)) {}

  Result<CompiledKernel> compile(const KernelSource& source) override {
    const std::string plant = plant_of(source);
    if (auto harmed = do_harm(plant, true); !harmed) return harmed.error();
    const std::string added = statement(plant);
    if (added.empty()) return inner().compile(source);
    KernelSource tampered = source;
    const auto entry = tampered.text.find(source.convolution.name + "(");
    const auto body = tampered.text.find('{', entry);
    if (entry == std::string::npos || body == std::string::npos) return invalid("The source has no entry to tamper.");
    tampered.text.insert(body + 1, added);
    return inner().compile(tampered);
  }
  Result<std::shared_ptr<const LoadedKernel>> load(const KernelSource& source,
                                                   const CompiledKernel& kernel) override {
    auto loaded = inner().load(source, kernel);
    if (!loaded) return loaded;
    const std::string plant = plant_of(source);
    return std::shared_ptr<const LoadedKernel>(
        std::make_shared<TamperedKernel>(std::move(*loaded), statement(plant).empty() ? plant : ""));
  }

 private:
  static std::string statement(const std::string& plant) {
    if (plant == "crash") return "\n  *(volatile int*)8 = 1;\n";
    if (plant == "hang") return "\n  for (volatile int on = 1; on;) {}\n";
    if (plant == "outside") return "\n  ((volatile char*)args->y)[-1] = 0;\n";
    if (plant == "inputs") return "\n  ((volatile char*)args->u)[0] = 1;\n";
    if (plant == "text") return "\n  this is no C++\n";
    return {};
  }
  std::string plant_of(const KernelSource& source) const {
    const auto found = plants_.find(to_string(source.config));
    return found == plants_.end() ? std::string() : found->second;
  }

  std::map<std::string, std::string> plants_;
};

}  // namespace
}  // namespace fftconv

int main(int argc, char** argv) {
  using namespace fftconv;
  const auto plants = read_plants();
  const auto plant_of = [plants](const KernelConfig& config) {
    const auto found = plants.find(to_string(config));
    return found == plants.end() ? std::string() : found->second;
  };
  FakeScript script = test::plain_script();
  script.compile = [=](const KernelConfig& config) { return do_harm(plant_of(config), true); };
  script.launch = [=](const KernelConfig& config) { return do_harm(plant_of(config), false); };
  script.distort = [=](const KernelConfig& config, double exact) {
    const std::string plant = plant_of(config);
    if (plant == "leftover" && others_ran) return 1.2 * exact;
    if (results_spoiled && plant != "spoil") return 1.2 * exact;
    return plant == "wrong" ? 1.2 * exact : plant == "nan" ? std::numeric_limits<double>::quiet_NaN() : exact;
  };
  script.sample = [plain = script.sample, plant_of](const KernelConfig& config, int call) {
    Sample sample = plain(config, call);
    const std::string plant = plant_of(config);
    if (plant == "time-nan") sample.seconds = std::numeric_limits<double>::quiet_NaN();
    if (plant == "time-negative") sample.seconds = -1e-6;
    if (plant == "clock-infinite") sample.clock_hz = std::numeric_limits<double>::infinity();
    return sample;
  };
  script.trespass = [=](const KernelConfig& config, const KernelArgs& args) { trespass(plant_of(config), args); };
  return worker_main(argc, argv, [=](DeviceKind kind, int) -> Result<std::shared_ptr<Device>> {
    if (kind != DeviceKind::cpu) return make_fake_device(script);
    auto real = open_cpu_device();
    if (!real) return real.error();
    return std::shared_ptr<Device>(std::make_shared<TamperedDevice>(std::move(*real), plants));
  });
}
