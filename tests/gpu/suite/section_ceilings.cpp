// What the hardware can do: memory, caches, shared memory, instructions. The floor and the cost model rest on these.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "fftconv/statistics.h"
#include "suite/memory_kernels.h"
#include "suite/rate_kernels.h"
#include "suite/section.h"

namespace fftconv::gpu_suite {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

const char* const kCopy = "device memory copy";
const char* const kSmallCopies = "copies that fit the L2, from a cold L2";
const char* const kRead = "device memory read";
const char* const kL2 = "L2 read";
const char* const kLaunch = "launch";

/// Two buffers of random bytes.
struct Buffers {
  std::unique_ptr<DeviceBuffer> u, y;
  KernelArgs args;
};

Result<Buffers> random_buffers(Gpu& gpu, std::int64_t bytes) {
  Buffers buffers;
  for (auto* buffer : {&buffers.u, &buffers.y}) {
    auto made = gpu.device().allocate(static_cast<std::size_t>(bytes));
    if (!made) return made.error();
    *buffer = std::move(*made);
  }
  auto fill = make_ready(gpu.device(), fill_kernel(gpu.facts().sm_count));
  if (!fill) return fill.error();
  KernelArgs args;
  args.y = buffers.u->data();
  args.batch = bytes / 4;
  args.channels = 2;
  if (auto done = run(gpu.device(), *fill, args); !done) return done.error();
  buffers.args.u = buffers.u->data();
  buffers.args.y = buffers.y->data();
  return buffers;
}

Json bandwidth(Gpu& gpu, const std::string& case_name) {
  const int sm_count = gpu.facts().sm_count;
  const bool copies = case_name == kCopy || case_name == kSmallCopies;
  auto kernel = make_ready(gpu.device(), copies ? copy_kernel(sm_count) : read_kernel(sm_count));
  if (!kernel) return failure(case_name, "failed", kernel.error().message);
  std::vector<std::int64_t> sizes = {2048 * kMiB};
  if (case_name == kSmallCopies) sizes = {12 * kMiB, 24 * kMiB, 48 * kMiB, 96 * kMiB, 192 * kMiB};
  if (case_name == kL2) sizes = {8 * kMiB, 16 * kMiB, 24 * kMiB, 32 * kMiB, 40 * kMiB};
  auto buffers = random_buffers(gpu, sizes.back());
  if (!buffers) return failure(case_name, "failed", buffers.error().message);

  Json record = {{"case", case_name}, {"status", "ok"}, {"runs", Json::array()}};
  double best = 0;
  for (const std::int64_t bytes : sizes) {
    KernelArgs args = buffers->args;
    args.batch = bytes;
    args.channels = case_name == kL2 ? 50 : 1;
    const auto seconds = time(gpu.device(), *kernel, args, case_name != kL2, 15);
    if (!seconds) return failure(case_name, "failed", seconds.error().message);
    const double moved = static_cast<double>(bytes) * (copies ? 2 : static_cast<double>(args.channels));
    best = std::max(best, moved / *seconds);
    record["runs"].push_back({{"bytes", bytes}, {"seconds", *seconds}, {"bytes_per_s", moved / *seconds}});
  }
  record["bytes_per_s"] = best;
  if (case_name == kCopy) record["facts"] = {{"memory_bytes_per_s", best}};
  if (case_name == kL2) record["facts"] = {{"l2_bytes_per_s", best}};
  return record;
}

Json launch_cost(Gpu& gpu, const std::string& case_name) {
  auto kernel = make_ready(gpu.device(), empty_kernel());
  if (!kernel) return failure(case_name, "failed", kernel.error().message);
  const auto one = time(gpu.device(), *kernel, {}, true, 30);
  if (!one) return failure(case_name, "failed", one.error().message);
  return {{"case", case_name}, {"status", "ok"}, {"seconds", *one}, {"facts", {{"launch_s", *one}}}};
}

Json rates(Gpu& gpu, const RateGroup& group) {
  Json record = {{"case", group.name}, {"status", "ok"}, {"runs", Json::array()}};
  auto buffers = random_buffers(gpu, 16 * kMiB);
  if (!buffers) return failure(group.name, "failed", buffers.error().message);
  // Random halves of unit size: they are what the operands of the matrix products are read from.
  std::mt19937 random(1);
  std::vector<std::uint16_t> halves(64 * 1024);
  for (auto& half : halves) half = static_cast<std::uint16_t>((random() & 0x83ff) | 0x3800);
  if (auto done = gpu.device().upload(buffers->u->data(), halves.data(), halves.size() * 2); !done) {
    return failure(group.name, "failed", done.error().message);
  }
  double best = 0, best_per_clock = 0;
  std::string fact;
  for (const RateKernel& variant : group.variants) {
    auto kernel = make_ready(gpu.device(), small_kernel(variant, gpu.facts().sm_count));
    if (!kernel) return failure(group.name, "failed", variant.name + ": " + kernel.error().message);
    KernelArgs args = buffers->args;
    args.seqlen = 2000;
    const auto seconds = time(gpu.device(), *kernel, args, false, 5);
    if (!seconds) return failure(group.name, "failed", seconds.error().message);
    std::vector<long long> cycles(static_cast<std::size_t>(gpu.facts().sm_count * variant.warps));
    if (auto done = gpu.device().download(cycles.data(), buffers->y->data(), cycles.size() * 8); !done) {
      return failure(group.name, "failed", done.error().message);
    }
    // The slowest warp of a block is when its multiprocessor is done; the median over blocks.
    std::vector<double> spans;
    for (std::size_t at = 0; at < cycles.size(); at += static_cast<std::size_t>(variant.warps)) {
      spans.push_back(
          static_cast<double>(*std::max_element(cycles.begin() + static_cast<std::ptrdiff_t>(at),
                                                cycles.begin() + static_cast<std::ptrdiff_t>(at) + variant.warps)));
    }
    const double count = static_cast<double>(args.seqlen) * variant.per_round * variant.warps;
    const double per_clock = count / median(spans);
    const double per_second = count * gpu.facts().sm_count / *seconds;
    Json run = {{"variant", variant.name},
                {"seconds", *seconds},
                {"instructions_per_clock_and_sm", per_clock},
                {"cycles_each_and_quadrant", 4 / per_clock},
                {"registers", kernel->registers}};
    if (!variant.unit.empty()) {
      run[variant.unit + "s_per_s"] = per_second * variant.work;
      run[variant.unit + "s_per_clock_and_sm"] = per_clock * variant.work;
    }
    if (kernel->spill_bytes > 0) run["spill_bytes"] = kernel->spill_bytes;
    record["runs"].push_back(run);
    best = std::max(best, per_second * variant.work);
    best_per_clock = std::max(best_per_clock, per_clock * variant.work);
    fact = variant.fact;
  }
  record["best_per_s"] = best;
  if (!fact.empty()) record["facts"] = {{fact, fact == "shared_bytes_per_clock" ? best_per_clock : best}};
  return record;
}

class CeilingsSection final : public Section {
 public:
  std::string name() const override { return "ceilings"; }
  double share() const override { return 0.15; }
  double case_limit_s() const override { return 30; }

  std::vector<std::string> cases() const override {
    std::vector<std::string> names = {kCopy, kRead, kSmallCopies, kL2, kLaunch};
    for (const RateGroup& group : groups_) names.push_back(group.name);
    return names;
  }

  std::vector<NamedSource> sources(const DeviceFacts& facts) const override {
    std::vector<NamedSource> all;
    const auto add = [&](const std::string& name, const SmallKernel& kernel) {
      all.push_back({name, [kernel, arch = facts.arch] { return source_of(kernel, arch); }});
    };
    for (const SmallKernel& kernel : {copy_kernel(facts.sm_count), read_kernel(facts.sm_count), empty_kernel(),
                                      fill_kernel(facts.sm_count), compare_kernel(facts.sm_count)}) {
      add(kernel.entry.name, kernel);
    }
    for (const RateGroup& group : groups_) {
      for (const RateKernel& variant : group.variants) {
        add(fmt::format("{}: {}", group.name, variant.name), small_kernel(variant, facts.sm_count));
      }
    }
    return all;
  }

  Json run(Gpu& gpu, const std::string& case_name) override {
    if (case_name == kLaunch) return launch_cost(gpu, case_name);
    for (const RateGroup& group : groups_) {
      if (group.name == case_name) return rates(gpu, group);
    }
    return bandwidth(gpu, case_name);
  }

 private:
  std::vector<RateGroup> groups_ = rate_groups();
};

}  // namespace

std::unique_ptr<Section> make_ceilings_section() { return std::make_unique<CeilingsSection>(); }

}  // namespace fftconv::gpu_suite
