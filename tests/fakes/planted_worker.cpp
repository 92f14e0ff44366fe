// A worker whose fake device has planted candidates: each kind of harm that one can do to a tuner.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <thread>
#include <vector>

#include "fftconv/worker.h"
#include "planted.h"

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

// Blocks that are written to, so that no overcommitment hides them; without a limit it gives up at four gigabytes.
void exhaust_memory() {
  std::vector<std::vector<char>> blocks;
  for (int i = 0; i < 64; ++i) blocks.emplace_back(64u << 20, 'x');
  std::abort();
}

bool context_broken = false;
bool heap_broken = false;

Result<void> do_harm(const std::string& plant, bool compiling) {
  const std::string when = compiling ? "compile-" : "";
  if (plant == when + "crash") crash();
  if (plant == when + "hang") hang();
  if (plant == when + "memory") exhaust_memory();
  if (plant == when + "exit") _exit(0);
  if (compiling) return {};
  if (plant == "print") {
    for (int i = 0; i < 10000; ++i) std::puts("garbage"), std::fputs("garbage\n", stderr);
  }
  if (plant == "channel") {
    const std::vector<char> garbage(5000, 'g');
    (void)!write(3, garbage.data(), garbage.size());
  }
  if (plant == "context") {
    context_broken = true;
    return Error{ErrorCode::launch_failed, "an illegal memory access was encountered"};
  }
  if (plant == "poison") heap_broken = true;  // it runs well itself; what comes after it does not
  if (context_broken) return Error{ErrorCode::launch_failed, "the context is unusable after an earlier error"};
  if (heap_broken && plant != "poison") crash();
  return {};
}

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
    return plant == "wrong" ? 1.2 * exact : plant == "nan" ? std::numeric_limits<double>::quiet_NaN() : exact;
  };
  return worker_main(argc, argv,
                     [=](DeviceKind, int) -> Result<std::shared_ptr<Device>> { return make_fake_device(script); });
}
