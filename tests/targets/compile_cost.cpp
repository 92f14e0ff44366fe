// What a kernel of the CPU device costs before it runs: compiled in process, and loaded from the cache (read, digest
// checked, linked, entries looked up, tables copied). The first choices of the cost model at lengths 256 to 64K.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <vector>

#include "cpu/cpu_device.h"
#include "fftconv/cost_model.h"
#include "fftconv/kernel_cache.h"
#include "kernel_store.h"
#include "target.h"

namespace {

using namespace fftconv;

constexpr int kLoads = 9;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<KernelSource> typical_sources(const DeviceFacts& facts) {
  std::vector<KernelSource> sources;
  for (const std::int64_t seqlen : {256, 1024, 4096, 16384, 65536}) {
    for (const DataType io : {DataType::f32, DataType::f16}) {
      Problem problem{.seqlen = seqlen, .filter_len = seqlen, .batch = 4, .channels = 16, .io = io};
      const std::vector<Ranked> ranked = rank(problem, facts);
      for (std::size_t i = 0; i < std::min<std::size_t>(2, ranked.size()); ++i) {
        sources.push_back(emit(problem, ranked[i].config, facts).value());
      }
    }
  }
  return sources;
}

/// Seconds of one load from the cache, of a kernel that nobody has in use.
double load_seconds(KernelStore& store, const KernelSource& source) {
  const auto begin = std::chrono::steady_clock::now();
  const auto kernel = store.get(source, false);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  kernel.value();  // a miss is no load: throw
  return spent.count();
}

}  // namespace

int main() {
  const auto device = make_cpu_device(1);
  if (!device || !(*device)->caveat().empty()) {
    fmt::print(stderr, "compile_cost: {}\n", device ? (*device)->caveat() : device.error().message);
    return 2;
  }
  const std::vector<KernelSource> sources = typical_sources((*device)->facts());
  static_cast<void>((*device)->compile(sources[0]).value());  // the compiler comes up

  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("fftconv-compile-cost-{}", std::random_device{}());
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  std::vector<double> compiles, loads;
  {
    KernelStore store(*device, KernelCache::open(folder / "kernels.db").value(), {});
    for (const KernelSource& source : sources) {
      compiles.push_back(store.get(source, true).value()->compiled.compile_s);
      std::vector<double> repeated;
      for (int i = 0; i < kLoads; ++i) repeated.push_back(load_seconds(store, source));
      loads.push_back(median(std::move(repeated)));
    }
  }
  std::filesystem::remove_all(folder);
  const std::string slowest = fmt::format("{} candidates of L 256 to 64K, the slowest {:.0f} ms", sources.size(),
                                          1e3 * *std::max_element(compiles.begin(), compiles.end()));
  const std::string longest = fmt::format("the same, from kernels.db, median of {} loads; the slowest {:.2f} ms",
                                          kLoads, 1e3 * *std::max_element(loads.begin(), loads.end()));
  const bool compiled =
      targets::report("CPU kernel compiled in process", median(compiles), targets::Goal::at_most, 0.25, "s", slowest);
  const bool loaded =
      targets::report("CPU kernel loaded from the cache", median(loads), targets::Goal::at_most, 0.002, "s", longest);
  return compiled && loaded ? 0 : 1;
}
