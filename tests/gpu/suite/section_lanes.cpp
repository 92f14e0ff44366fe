// Every function of the lane interface on real hardware against the specification.
#include "lanes/lane_case.h"
#include "suite/section.h"

namespace fftconv::gpu_suite {
namespace {

constexpr std::uint64_t kSeed = 20261124;

Result<std::vector<std::uint32_t>> written_by(Device& device, const lanes::LaneCase& lane_case,
                                              const std::vector<lanes::Block>& blocks) {
  const KernelSource source = lanes::source_of(lane_case, device.facts().arch);
  auto compiled = device.compile(source);
  if (!compiled) return compiled.error();
  auto kernel = device.load(source, *compiled);
  if (!kernel) return kernel.error();

  std::vector<std::uint32_t> in, out;
  for (const lanes::Block& block : blocks) {
    in.insert(in.end(), block.in.data.begin(), block.in.data.end());
    out.insert(out.end(), block.out.data.size(), lanes::kPoison);
  }
  auto u = device.allocate(in.size() * 4);
  if (!u) return u.error();
  auto y = device.allocate(out.size() * 4);
  if (!y) return y.error();
  if (auto done = device.upload((*u)->data(), in.data(), in.size() * 4); !done) return done.error();
  if (auto done = device.upload((*y)->data(), out.data(), out.size() * 4); !done) return done.error();
  KernelArgs args;
  args.u = (*u)->data();
  args.y = (*y)->data();
  if (auto done = run(device, {source.convolution, *kernel}, args); !done) return done.error();
  if (auto done = device.download(out.data(), (*y)->data(), out.size() * 4); !done) return done.error();
  return out;
}

class LanesSection final : public Section {
 public:
  std::string name() const override { return "lanes"; }
  double share() const override { return 0.15; }
  double case_limit_s() const override { return 20; }

  std::vector<std::string> cases() const override {
    std::vector<std::string> names;
    for (const auto& lane_case : cases_) names.push_back(lane_case.name);
    return names;
  }

  std::vector<NamedSource> sources(const DeviceFacts& facts) const override {
    std::vector<NamedSource> all;
    for (const auto& lane_case : cases_)
      all.push_back({lane_case.name, [lane_case, arch = facts.arch] { return lanes::source_of(lane_case, arch); }});
    return all;
  }

  Json run(Gpu& gpu, const std::string& case_name) override {
    for (const lanes::LaneCase& lane_case : cases_) {
      if (lane_case.name != case_name) continue;
      const auto blocks = lanes::make_blocks(lane_case, kSeed);
      const auto written = written_by(gpu.device(), lane_case, blocks);
      if (!written) return failure(case_name, "failed", written.error().message);
      const lanes::Verdict verdict = lanes::judge(lane_case, blocks, *written);
      Json record = {{"case", case_name},        {"status", verdict.wrong == 0 ? "ok" : "wrong"},
                     {"values", verdict.values}, {"bit_exact", verdict.bit_exact},
                     {"worst", verdict.worst},   {"seed", kSeed}};
      if (verdict.wrong > 0) {
        record["wrong"] = verdict.wrong;
        record["reason"] = verdict.first_wrong;
      }
      return record;
    }
    return failure(case_name, "failed", "no such case");
  }

 private:
  std::vector<lanes::LaneCase> cases_ = lanes::lane_cases();
};

}  // namespace

std::unique_ptr<Section> make_lanes_section() { return std::make_unique<LanesSection>(); }

}  // namespace fftconv::gpu_suite
