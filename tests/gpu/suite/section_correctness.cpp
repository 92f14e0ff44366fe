// The family against fp64: every problem with several candidates, every row compared.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "fftconv/reference.h"
#include "fftconv/search_space.h"
#include "rows.h"
#include "suite/correctness_problems.h"
#include "suite/execution.h"
#include "suite/section.h"

namespace fftconv::gpu_suite {
namespace {

constexpr std::uint64_t kSeed = 7;
constexpr std::size_t kConfigs = 8;       ///< of a problem
constexpr std::size_t kGuard = 4096;      ///< bytes before and after y that nothing may touch
constexpr unsigned char kPattern = 0xFF;  ///< NaN in every type

/// The default and candidates spread over the whole space.
std::vector<KernelConfig> chosen_configs(const Problem& problem, const DeviceFacts& facts, std::string& refusal) {
  std::vector<KernelConfig> chosen;
  const auto plain = default_config(problem, facts);
  if (plain) chosen.push_back(*plain);
  const SearchSpace space = search_space(problem, facts);
  if (space.configs.empty() && !plain) refusal = plain.error().message;
  const std::size_t wanted = std::min(space.configs.size(), kConfigs);
  for (std::size_t i = 0; i < wanted; ++i) {
    const KernelConfig& config = space.configs[i * space.configs.size() / wanted];
    if (std::find(chosen.begin(), chosen.end(), config) == chosen.end()) chosen.push_back(config);
  }
  return chosen;
}

/// Inputs on the host, and what y should be.
struct HostData {
  std::vector<std::byte> u, pregate, postgate;
  std::vector<float> filter, skip;
  std::vector<double> expected;  ///< (B, H, L)
};

HostData make_data(const Problem& problem) {
  std::mt19937_64 random(kSeed);
  std::normal_distribution<double> normal;
  HostData data;
  const auto tensor = [&](std::vector<std::byte>& bytes) {
    bytes.resize(static_cast<std::size_t>(extent(problem)) * size_of(problem.io));
    for (std::int64_t i = 0; i < extent(problem); ++i) store_element(problem.io, bytes.data(), i, normal(random));
  };
  tensor(data.u);
  if (problem.pregate) tensor(data.pregate);
  if (problem.postgate) tensor(data.postgate);
  const auto taps = static_cast<std::size_t>(problem.filter_len);
  data.filter.resize(static_cast<std::size_t>(filter_count(problem)) * taps);
  const double scale = std::sqrt(8.0 / static_cast<double>(taps));
  for (std::size_t i = 0; i < data.filter.size(); ++i) {
    data.filter[i] = static_cast<float>(scale * normal(random) *
                                        std::exp(-4.0 * static_cast<double>(i % taps) / static_cast<double>(taps)));
  }
  data.skip.resize(static_cast<std::size_t>(problem.channels));
  for (float& weight : data.skip) weight = static_cast<float>(normal(random));

  KernelArgs host;
  host.u = data.u.data();
  host.pregate = data.pregate.data();
  host.postgate = data.postgate.data();
  host.filter = data.filter.data();
  host.skip = data.skip.data();
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    for (std::int64_t h = 0; h < problem.channels; ++h) {
      const std::vector<double> row = expected_row(problem, load_inputs(problem, host, b, h));
      data.expected.insert(data.expected.end(), row.begin(), row.end());
    }
  }
  return data;
}

/// The problem's tensors on the device.
struct DeviceData {
  std::vector<std::unique_ptr<DeviceBuffer>> buffers;
  KernelArgs args;
  std::byte* y = nullptr;  ///< after the guard
  std::size_t y_bytes = 0;

  static Result<DeviceData> make(Device& device, const Problem& problem, const HostData& host) {
    DeviceData made;
    const auto put = [&](const void*& field, const void* data, std::size_t bytes) -> Result<void> {
      if (bytes == 0) return {};
      auto buffer = device.allocate(bytes);
      if (!buffer) return buffer.error();
      field = (*buffer)->data();
      made.buffers.push_back(std::move(*buffer));
      return device.upload(const_cast<void*>(field), data, bytes);
    };
    made.y_bytes = host.u.size();
    auto y = device.allocate(made.y_bytes + 2 * kGuard);
    if (!y) return y.error();
    made.y = static_cast<std::byte*>((*y)->data()) + kGuard;
    made.args.y = made.y;
    made.buffers.push_back(std::move(*y));
    for (auto done : {put(made.args.u, host.u.data(), host.u.size()),
                      put(made.args.pregate, host.pregate.data(), host.pregate.size()),
                      put(made.args.postgate, host.postgate.data(), host.postgate.size()),
                      put(made.args.filter, host.filter.data(), host.filter.size() * 4),
                      problem.skip ? put(made.args.skip, host.skip.data(), host.skip.size() * 4) : Result<void>()}) {
      if (!done) return done.error();
    }
    made.args.batch = problem.batch;
    made.args.channels = problem.channels;
    made.args.seqlen = problem.seqlen;
    made.args.filter_len = problem.filter_len;
    made.args.filters = filter_count(problem);
    return made;
  }
};

struct Outcome {
  double error = 0;
  std::string reason;  ///< empty where the result is right
};

Result<Outcome> check(Device& device, const Problem& problem, const Candidate& candidate, const DeviceData& data,
                      const HostData& host) {
  std::vector<std::byte> image(data.y_bytes + 2 * kGuard, std::byte{kPattern});
  if (auto done = device.upload(data.y - kGuard, image.data(), image.size()); !done) return done.error();
  const auto execution = Execution::make(device, candidate, data.args);
  if (!execution) return execution.error();
  if (auto done = execution->convolve(device, candidate); !done) return done.error();
  if (auto done = device.download(image.data(), data.y - kGuard, image.size()); !done) return done.error();

  std::vector<double> found;
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    for (std::int64_t h = 0; h < problem.channels; ++h) {
      const std::vector<double> row = load_row(problem, image.data() + kGuard, b, h);
      found.insert(found.end(), row.begin(), row.end());
    }
  }
  Outcome outcome{relative_l2_error(found, host.expected), ""};
  const auto touched = [](std::byte byte) { return byte != std::byte{kPattern}; };
  if (!(outcome.error <= error_budget(problem))) {
    outcome.reason = fmt::format("relative error {:.3g} is above {:.3g}", outcome.error, error_budget(problem));
  } else if (std::any_of(image.begin(), image.begin() + kGuard, touched) ||
             std::any_of(image.end() - kGuard, image.end(), touched)) {
    outcome.reason = "bytes outside y were written";
  }
  return outcome;
}

class CorrectnessSection final : public Section {
 public:
  std::string name() const override { return "correctness"; }
  double share() const override { return 0.25; }
  double case_limit_s() const override { return 60; }

  std::vector<std::string> cases() const override {
    std::vector<std::string> names;
    std::set<std::string> seen;
    for (const Problem& problem : correctness_problems()) {
      if (seen.insert(to_string(problem)).second) names.push_back(to_string(problem));
    }
    return names;
  }

  std::vector<NamedSource> sources(const DeviceFacts& facts) const override {
    std::vector<NamedSource> all;
    for (const Problem& problem : correctness_problems()) {
      std::string refusal;
      for (const KernelConfig& config : chosen_configs(problem, facts, refusal)) {
        all.push_back({to_string(problem) + " " + to_string(config),
                       [problem, config, facts] { return emit(problem, config, facts); }});
      }
    }
    return all;
  }

  Json run(Gpu& gpu, const std::string& case_name) override {
    const auto problem = parse_problem(case_name);
    if (!problem) return failure(case_name, "failed", problem.error().message);
    std::string refusal;
    const auto configs = chosen_configs(*problem, gpu.device().facts(), refusal);
    if (configs.empty()) return failure(case_name, "skipped", refusal);
    auto candidates = compile(gpu.device(), gpu.device().facts(), *problem, configs, worker_count());
    load(gpu.device(), candidates);
    const HostData host = make_data(*problem);
    const auto data = DeviceData::make(gpu.device(), *problem, host);
    if (!data) return failure(case_name, "failed", data.error().message);

    Json record = {{"case", case_name},  {"status", "ok"}, {"seed", kSeed}, {"budget", error_budget(*problem)},
                   {"worst_error", 0.0}, {"checked", 0}};
    double worst = 0;
    int checked = 0;
    const auto complain = [&](const Candidate& candidate, const char* status, const std::string& reason) {
      record["status"] = status;
      if (!record.contains("reason")) record["reason"] = to_string(candidate.config) + ": " + reason;
      record["wrong"].push_back({{"config", to_string(candidate.config)}, {"reason", reason}});
    };
    for (const Candidate& candidate : candidates) {
      if (!candidate.ready()) {
        complain(candidate, "failed", candidate.reason);
        continue;
      }
      const auto outcome = check(gpu.device(), *problem, candidate, *data, host);
      if (!outcome) {
        complain(candidate, "failed", outcome.error().message);
        if (!gpu.alive()) break;
        continue;
      }
      ++checked;
      worst = std::max(worst, outcome->error);
      if (!outcome->reason.empty()) complain(candidate, "wrong", outcome->reason);
    }
    // JSON has no infinity.
    record["worst_error"] = std::isfinite(worst) ? Json(worst) : Json("infinite");
    record["checked"] = checked;
    return record;
  }
};

}  // namespace

std::unique_ptr<Section> make_correctness_section() { return std::make_unique<CorrectnessSection>(); }

}  // namespace fftconv::gpu_suite
