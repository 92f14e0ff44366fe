// The grid 256 … 32K x fp16, bf16, fp32 x causal, circular at B = 64, H = 768: the model's best few, raced from a
// cold L2 and checked, beside cuFFT and the floor.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <future>
#include <optional>
#include <set>
#include <sstream>

#include "fftconv/cost_model.h"
#include "fftconv/reference.h"
#include "fftconv/search_space.h"
#include "fftconv/tuning_db.h"
#include "rows.h"
#include "search/race.h"
#include "suite/cufft.h"
#include "suite/execution.h"
#include "suite/memory_kernels.h"
#include "suite/section.h"

namespace fftconv::gpu_suite {
namespace {

constexpr std::size_t kCandidates = 12;
constexpr std::int64_t kBatch = 64, kChannels = 768;
constexpr std::uint32_t kInputStream = 1, kFilterStream = 2;
constexpr std::int64_t kCheckedRows = 6;
constexpr double kRaceSeconds = 1.5;  ///< for one problem

std::vector<Problem> grid() {
  std::vector<Problem> all;
  // Types outermost: where time runs out, one type is complete before the next begins.
  for (const auto& [io, precision] : {std::pair{DataType::f16, Precision::f16},
                                      {DataType::bf16, Precision::bf16},
                                      {DataType::f32, Precision::f32}}) {
    for (const Mode mode : {Mode::causal, Mode::circular}) {
      for (std::int64_t length = 256; length <= 32768; length *= 2) {
        Problem problem;
        problem.mode = mode;
        problem.seqlen = problem.filter_len = length;
        problem.batch = kBatch;
        problem.channels = kChannels;
        problem.io = io;
        problem.precision = precision;
        all.push_back(problem);
      }
    }
  }
  return all;
}

/// The plain default first, then the model's best.
std::vector<KernelConfig> chosen_configs(const Problem& problem, const DeviceFacts& facts) {
  std::vector<KernelConfig> chosen;
  if (const auto plain = default_config(problem, facts)) chosen.push_back(*plain);
  for (const Ranked& ranked : rank(problem, facts)) {
    if (chosen.size() > kCandidates) break;
    if (std::find(chosen.begin(), chosen.end(), ranked.config) == chosen.end()) chosen.push_back(ranked.config);
  }
  return chosen;
}

/// A problem's tensors, made on the device; the host can make any row again.
class Bench {
 public:
  static Result<Bench> make(Gpu& gpu, const Problem& problem) {
    Bench made(gpu, problem);
    const std::int64_t elements = problem.batch * problem.channels * problem.seqlen;
    made.elements_ = elements;
    const auto bytes = static_cast<std::size_t>(elements) * size_of(problem.io);
    for (const auto& [buffer, size] :
         {std::pair{&made.u_, bytes},
          {&made.y_, bytes},
          {&made.first_, bytes},
          {&made.filter_, static_cast<std::size_t>(problem.channels * problem.filter_len) * 4},
          {&made.sums_, std::size_t{24}}}) {
      auto allocated = gpu.device().allocate(size);
      if (!allocated) return allocated.error();
      *buffer = std::move(*allocated);
    }
    for (const auto& [kernel, small] : {std::pair{&made.fill_, fill_kernel(gpu.facts().sm_count)},
                                        {&made.compare_, compare_kernel(gpu.facts().sm_count)}}) {
      auto ready = make_ready(gpu.device(), small);
      if (!ready) return ready.error();
      *kernel = std::move(*ready);
    }
    if (auto done = made.fill(*made.u_, elements, problem.io, kInputStream, 0); !done) return done.error();
    if (auto done = made.fill(*made.filter_, problem.channels * problem.filter_len, DataType::f32, kFilterStream,
                              problem.filter_len);
        !done) {
      return done.error();
    }
    made.args_.u = made.u_->data();
    made.args_.y = made.y_->data();
    made.args_.filter = made.filter_->data();
    made.args_.batch = problem.batch;
    made.args_.channels = problem.channels;
    made.args_.seqlen = problem.seqlen;
    made.args_.filter_len = problem.filter_len;
    made.args_.filters = problem.channels;
    made.expect_rows();
    return made;
  }

  const KernelArgs& args() const { return args_; }

  /// NaN everywhere, so that what a kernel does not write shows.
  Result<void> poison() {
    const cuda::CurrentContext current(gpu_.context());
    const cuda::Driver& driver = gpu_.context().driver();
    return driver.check(driver.memory_set(reinterpret_cast<cuda::CuAddress>(y_->data()), 0xFF, y_->size(), nullptr),
                        ErrorCode::launch_failed, "poison the output");
  }

  struct Check {
    double error = 0;
    std::string reason;
  };
  /// Some rows of y against fp64; every element finite; all of y against the first result that was right.
  Result<Check> check() {
    Check result;
    std::vector<double> found, row(static_cast<std::size_t>(problem_.seqlen));
    std::vector<std::byte> bytes(row.size() * size_of(problem_.io));
    for (const std::int64_t index : rows_) {
      const auto* source = static_cast<const std::byte*>(y_->data()) + static_cast<std::size_t>(index) * bytes.size();
      if (auto done = gpu_.device().download(bytes.data(), source, bytes.size()); !done) return done.error();
      for (std::size_t n = 0; n < row.size(); ++n) {
        found.push_back(load_element(problem_.io, bytes.data(), static_cast<std::int64_t>(n)));
      }
    }
    result.error = relative_l2_error(found, expected_);
    const double budget = error_budget(problem_);
    if (!(result.error <= budget)) {
      result.reason = fmt::format("relative error {:.3g} is above {:.3g}", result.error, budget);
      return result;
    }
    const auto sums = compare(have_first_ ? *first_ : *y_);
    if (!sums) return sums.error();
    const double difference = std::sqrt((*sums)[0] / std::max((*sums)[1], 1e-300));
    if ((*sums)[2] > 0) {
      result.reason = fmt::format("{} values are not finite", (*sums)[2]);
    } else if (have_first_ && !(difference <= 2 * budget)) {
      result.reason =
          fmt::format("rows that were not compared with fp64 differ from another kernel's by {:.3g}", difference);
    } else if (!have_first_) {
      std::swap(first_, y_);  // keep this result to compare the others with
      args_.y = y_->data();
      have_first_ = true;
    }
    return result;
  }

 private:
  Bench(Gpu& gpu, const Problem& problem) : gpu_(gpu), problem_(problem) {}

  Result<void> fill(const DeviceBuffer& buffer, std::int64_t count, DataType type, std::uint32_t stream,
                    std::int64_t decay_length) {
    KernelArgs args;
    args.y = buffer.data();
    args.batch = count;
    args.channels = static_cast<std::int64_t>(type);
    args.filters = stream;
    args.seqlen = decay_length;
    return run(gpu_.device(), fill_, args);
  }

  Result<std::array<double, 3>> compare(const DeviceBuffer& with) {
    std::array<double, 3> sums{};
    if (auto done = gpu_.device().upload(sums_->data(), sums.data(), sizeof sums); !done) return done.error();
    KernelArgs args;
    args.u = with.data();
    args.y = y_->data();
    args.spectrum = sums_->data();
    args.batch = elements_;
    args.channels = static_cast<std::int64_t>(problem_.io);
    if (auto done = run(gpu_.device(), compare_, args); !done) return done.error();
    if (auto done = gpu_.device().download(sums.data(), sums_->data(), sizeof sums); !done) return done.error();
    return sums;
  }

  void expect_rows() {
    const std::int64_t count = problem_.batch * problem_.channels;
    for (std::int64_t i = 0; i < kCheckedRows; ++i) rows_.push_back(i * (count - 1) / (kCheckedRows - 1));
    for (const std::int64_t index : rows_) {
      const auto length = static_cast<std::uint64_t>(problem_.seqlen);
      const auto taps = static_cast<std::uint64_t>(problem_.filter_len);
      std::vector<double> u(length), k(taps);
      std::vector<std::byte> cell(4);
      for (std::uint64_t n = 0; n < length; ++n) {
        // Through the I/O type: its rounding is part of the input.
        store_element(problem_.io, cell.data(), 0,
                      random_value(kInputStream, static_cast<std::uint64_t>(index) * length + n));
        u[n] = load_element(problem_.io, cell.data(), 0);
      }
      const auto channel = static_cast<std::uint64_t>(index % problem_.channels);
      for (std::uint64_t j = 0; j < taps; ++j) {
        k[j] = random_value(kFilterStream, channel * taps + j) * decay_value(j, taps);
      }
      const std::vector<double> row = reference_row(problem_, u, k);
      expected_.insert(expected_.end(), row.begin(), row.end());
    }
  }

  Gpu& gpu_;
  Problem problem_;
  std::int64_t elements_ = 0;
  std::unique_ptr<DeviceBuffer> u_, y_, first_, filter_, sums_;
  ReadyKernel fill_, compare_;
  KernelArgs args_;
  std::vector<std::int64_t> rows_;
  std::vector<double> expected_;
  bool have_first_ = false;
};

/// The candidates of one problem, each checked once and then timed as often as the race asks.
class SweepRunner final : public Runner {
 public:
  SweepRunner(Gpu& gpu, Bench& bench, const std::vector<Candidate>& candidates)
      : gpu_(gpu), bench_(bench), candidates_(candidates), executions_(candidates.size()) {}

  void compile(const KernelConfig&) override {}  // done before
  void release(const KernelConfig&) override {}

  Result<Measurement> prepare(const KernelConfig& config) override {
    const std::size_t i = index_of(config);
    const Candidate& candidate = candidates_[i];
    Measurement result;
    if (!candidate.ready()) {
      result.status = TrialStatus::compile_failed;
      result.reason = candidate.reason;
      return result;
    }
    result.registers = candidate.compiled.registers;
    result.spill_bytes = candidate.compiled.spill_bytes;
    result.compile_s = candidate.compiled.compile_s;
    const auto checked = run_checked(candidate, executions_[i]);
    if (!checked) {
      result.status = TrialStatus::launch_failed;
      result.reason = checked.error().message;
      return result;
    }
    result.error = checked->error;
    result.reason = checked->reason;
    if (!checked->reason.empty()) result.status = TrialStatus::wrong_result;
    return result;
  }

  Result<Sample> sample(const KernelConfig& config) override {
    const std::size_t i = index_of(config);
    KernelArgs args = executions_[i].args;
    args.y = bench_.args().y;
    return gpu_.device().sample(*candidates_[i].loaded, candidates_[i].source.convolution, args, true);
  }

 private:
  std::size_t index_of(const KernelConfig& config) const {
    const auto found = std::find_if(candidates_.begin(), candidates_.end(),
                                    [&](const Candidate& candidate) { return candidate.config == config; });
    return static_cast<std::size_t>(found - candidates_.begin());
  }

  Result<Bench::Check> run_checked(const Candidate& candidate, Execution& execution) {
    auto made = Execution::make(gpu_.device(), candidate, bench_.args());
    if (!made) return made.error();
    execution = std::move(*made);
    if (auto done = bench_.poison(); !done) return done.error();
    if (auto done = execution.convolve(gpu_.device(), candidate); !done) return done.error();
    return bench_.check();
  }

  Gpu& gpu_;
  Bench& bench_;
  const std::vector<Candidate>& candidates_;
  std::vector<Execution> executions_;
};

class SweepSection final : public Section {
 public:
  explicit SweepSection(const Options& options) : options_(options) {}
  std::string name() const override { return "sweep"; }
  double share() const override { return 1; }  // what is left
  double case_limit_s() const override { return 90; }

  std::vector<std::string> cases() const override {
    std::vector<std::string> names;
    for (const Problem& problem : grid()) names.push_back(to_string(problem));
    return names;
  }

  std::vector<NamedSource> sources(const DeviceFacts& facts) const override {
    std::vector<NamedSource> all;
    for (const SmallKernel& kernel : cufft_kernels(facts.sm_count)) {
      all.push_back({kernel.entry.name, [kernel, arch = facts.arch] { return source_of(kernel, arch); }});
    }
    for (const Problem& problem : grid()) {
      for (const KernelConfig& config : chosen_configs(problem, facts)) {
        all.push_back({to_string(problem) + " " + to_string(config),
                       [problem, config, facts] { return emit(problem, config, facts); }});
      }
    }
    return all;
  }

  Json run(Gpu& gpu, const std::string& case_name) override {
    const auto problem = parse_problem(case_name);
    if (!problem) return failure(case_name, "failed", problem.error().message);
    auto candidates = compiled(gpu, *problem);
    if (candidates.empty()) return failure(case_name, "skipped", "no kernel computes this problem on this device");
    load(gpu.device(), candidates);
    auto bench = Bench::make(gpu, *problem);
    if (!bench) {
      const bool too_large = bench.error().code == ErrorCode::out_of_memory;
      return failure(case_name, too_large ? "skipped" : "failed", bench.error().message);
    }

    const double floor = floor_seconds(*problem, gpu.facts());
    Json record = {{"case", case_name}, {"status", "ok"}, {"floor_s", floor}, {"candidates", Json::array()}};
    const auto measurements = measure(gpu, *bench, candidates, record);
    if (!gpu.alive()) return record;
    add_winner(record, *problem, gpu.facts(), candidates, measurements);
    if (auto stored = store(gpu, *problem, candidates, measurements); !stored) {
      record["status"] = "failed";
      record["reason"] = stored.error().message;
    }
    add_cufft(record, gpu, *problem, *bench);
    return record;
  }

 private:
  /// Candidates of a problem; those of the next one begin to compile, so that the GPU need not wait for them.
  std::vector<Candidate> compiled(const Gpu& gpu, const Problem& problem) {
    // A copy of `gpu`: what runs ahead may outlive the caller's. The library's own choice of text rests on the
    // device's plain facts; the ranking may use measured rates.
    const auto start = [gpu](const Problem& which, std::size_t workers) {
      return compile(gpu.device(), gpu.device().facts(), which, chosen_configs(which, gpu.facts()), workers);
    };
    std::vector<Candidate> candidates =
        ahead_.valid() && ahead_problem_ == problem ? ahead_.get() : start(problem, worker_count());
    const auto all = grid();
    const auto here = std::find(all.begin(), all.end(), problem);
    if (here != all.end() && here + 1 != all.end()) {
      ahead_problem_ = *(here + 1);
      // Two cores stay free: the thread that times must never wait for one.
      const std::size_t workers = worker_count() > 3 ? worker_count() - 2 : 1;
      ahead_ = std::async(std::launch::async, start, ahead_problem_, workers);
    }
    return candidates;
  }

  /// Checks each candidate, then races the right ones.
  std::vector<Measurement> measure(Gpu& gpu, Bench& bench, const std::vector<Candidate>& candidates, Json& record) {
    SweepRunner runner(gpu, bench, candidates);
    std::vector<Racer> racers;
    for (const Candidate& candidate : candidates) {
      racers.push_back({candidate.config, runner.prepare(candidate.config).value()});
      const Measurement& prepared = racers.back().measurement;
      if (prepared.status == TrialStatus::measured) continue;
      record["status"] = prepared.status == TrialStatus::wrong_result ? "wrong" : "failed";
      if (!record.contains("reason")) record["reason"] = to_string(candidate.config) + ": " + prepared.reason;
      if (!gpu.alive()) break;
    }
    if (gpu.alive()) {
      const Clock clock = monotonic_clock();
      race(runner, racers, {}, clock, clock() + kRaceSeconds);
    }
    std::vector<Measurement> results;
    for (const Racer& racer : racers) results.push_back(racer.measurement);
    results.resize(candidates.size(), {.status = TrialStatus::crashed, .reason = "an earlier candidate faulted"});
    return results;
  }

  static double bytes_moved(const Problem& problem) {
    return 2.0 * static_cast<double>(problem.batch * problem.channels * problem.seqlen) *
           static_cast<double>(size_of(problem.io));
  }

  static void add_winner(Json& record, const Problem& problem, const DeviceFacts& facts,
                         const std::vector<Candidate>& candidates, const std::vector<Measurement>& measurements) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Measurement& m = measurements[i];
      record["candidates"].push_back({{"config", to_string(candidates[i].config)},
                                      {"status", to_string(m.status)},
                                      {"median_s", m.median},
                                      {"lower_quartile_s", m.lower_quartile},
                                      {"upper_quartile_s", m.upper_quartile},
                                      {"samples", m.samples.size()},
                                      {"throttled", m.throttled},
                                      {"clock_hz", m.clock_hz},
                                      {"error", std::isfinite(m.error) ? Json(m.error) : Json("infinite")},
                                      {"registers", m.registers},
                                      {"spill_bytes", m.spill_bytes},
                                      {"predicted_s", predict(problem, candidates[i].config, facts).total_s},
                                      {"reason", m.reason}});
      if (m.status == TrialStatus::measured && (!best || m.median < measurements[*best].median)) best = i;
    }
    if (!best) return;
    const Measurement& winner = measurements[*best];
    record["winner"] = to_string(candidates[*best].config);
    record["seconds"] = winner.median;
    record["ratio_to_floor"] = winner.median / record["floor_s"].get<double>();
    record["bytes_per_s"] = bytes_moved(problem) / winner.median;
    record["error"] = winner.error;
    if (measurements.front().median > 0) record["default_s"] = measurements.front().median;
  }

  Result<void> store(Gpu& gpu, const Problem& problem, const std::vector<Candidate>& candidates,
                     const std::vector<Measurement>& measurements) {
    const std::filesystem::path file = options_.out / "trials.jsonl";
    auto db = TuningDb::open({});
    if (!db) return db.error();
    std::ifstream old(file);
    std::stringstream text;
    text << old.rdbuf();
    if (auto taken = db->import_lines(text.str()); !taken) return taken.error();
    const DeviceFacts& facts = gpu.device().facts();
    const Environment environment{.device = facts.name,
                                  .kind = to_string(facts.kind),
                                  .arch = facts.arch,
                                  .sm_count = facts.sm_count,
                                  .l2_bytes = facts.l2_bytes,
                                  .driver = gpu.device().driver_version(),
                                  .compiler = gpu.device().compiler_version(),
                                  .generator_digest = generator_digest(),
                                  .policy = to_string(MeasurePolicy{})};
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const double predicted_s = predict(problem, candidates[i].config, gpu.facts()).total_s;
      const Trial trial{environment, problem, candidates[i].config, measurements[i], predicted_s, std::time(nullptr)};
      if (auto done = db->put(trial); !done) return done;
    }
    std::string lines;
    if (auto done = db->export_lines(lines); !done) return done.error();
    return write_file(file, lines);
  }

  void add_cufft(Json& record, Gpu& gpu, const Problem& problem, Bench& bench) {
    const auto cufft = Cufft::open(options_.cufft);
    if (!cufft) {
      record["cufft_missing"] = cufft.error().message;
      return;
    }
    if (auto done = bench.poison(); !done) return;
    const auto timing = cufft->measure(gpu, problem, bench.args(), 5);
    if (!timing) {
      record["cufft_missing"] = timing.error().message;
      return;
    }
    record["cufft_s"] = timing->seconds;
    record["cufft_version"] = timing->version;
    // A peer that is timed on wrong results would flatter us.
    if (const auto checked = bench.check(); checked) {
      record["cufft_error"] = std::isfinite(checked->error) ? Json(checked->error) : Json("infinite");
      if (!checked->reason.empty()) record["cufft_missing"] = "cuFFT's result: " + checked->reason;
    }
  }

  Options options_;
  Problem ahead_problem_;
  std::future<std::vector<Candidate>> ahead_;
};

}  // namespace

std::unique_ptr<Section> make_sweep_section(const Options& options) {
  return std::make_unique<SweepSection>(options);
}

}  // namespace fftconv::gpu_suite
