#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <set>

#include "async_state.h"
#include "background.h"
#include "dispatcher.h"
#include "fftconv/cost_model.h"
#include "fftconv/measure.h"
#include "fftconv/search.h"
#include "fftconv/search_space.h"
#include "fftconv/settings.h"
#include "fftconv/shipped.h"
#include "fftconv/worker.h"
#include "kernel_store.h"
#include "plan_memory.h"
#include "rows.h"

namespace fftconv {
namespace {

constexpr int kMostFailures = 8;  // of preferred candidates, before the plain default is taken

Environment environment_of(const Device& device) {
  const DeviceFacts& facts = device.identity();
  return {.device = facts.name,
          .kind = to_string(facts.kind),
          .arch = facts.arch,
          .sm_count = facts.sm_count,
          .l2_bytes = facts.l2_bytes,
          .driver = device.driver_version(),
          .compiler = device.compiler_version(),
          .generator_digest = generator_digest(),
          .policy = to_string(MeasurePolicy{})};
}

// What a plan in memory must have been made with to serve a request.
int effort_of(Rigor rigor) { return rigor == Rigor::cached_only ? -1 : static_cast<int>(rigor); }
bool measures(Rigor rigor) {
  return rigor == Rigor::measure || rigor == Rigor::patient || rigor == Rigor::exhaustive;
}

class DeviceContext : public Context {
 public:
  DeviceContext(std::shared_ptr<Device> device, TuningDb database, KernelCache cache, const ContextOptions& options)
      : device_(device),
        environment_(environment_of(*device)),
        workers_(options.workers),
        log_(options.log),
        database_(std::move(database)),
        kernels_(device, std::move(cache), options.log),
        background_(std::move(device)) {
    std::filesystem::path capture = options.capture;
    if (capture.empty()) capture = settings().capture;
    if (!capture.empty()) recorder_ = CaptureRecorder::make(std::move(capture), options.log);
  }
  ~DeviceContext() override {
    if (recorder_) recorder_->leave_context();
  }
  DeviceContext(const DeviceContext&) = delete;
  DeviceContext& operator=(const DeviceContext&) = delete;

  Device& device() override { return *device_; }
  const Environment& environment() const override { return environment_; }

  Result<Plan> plan(const Problem& problem, const PlanOptions& options) override;
  Result<AsyncPlan> plan_async(const Problem& problem, const PlanOptions& options) override;
  Result<Plan> plan_config(const Problem& problem, const KernelConfig& config) override;
  Result<Plan> plan_partitioned(const Problem& block, const KernelConfig& config, std::int64_t partitions) override;

  std::optional<CompiledKernel> cached_kernel(const KernelSource& source) override { return kernels_.cached(source); }
  void keep_kernel(const KernelSource& source, const CompiledKernel& kernel) override {
    kernels_.keep(source, kernel);
  }
  std::shared_ptr<const Calibration> calibration(const std::string& policy) override;

  void with_database(const std::function<void(TuningDb&)>& use) override {
    const std::lock_guard lock(database_mutex_);
    use(database_);
  }

 private:
  // A plan being made: the candidates that were preferred and failed.
  struct Attempt {
    const Problem& problem;
    bool may_compile = true;
    int failures = 0;
    std::string passed;
    std::set<std::string> failed;  ///< before this plan
    std::set<std::string> tried;
    std::optional<Error> last_error;
  };

  using Cancelled = std::function<bool()>;

  Result<Plan> find_or_make(const Problem& problem, const PlanOptions& options, const Cancelled& cancelled);
  Result<Plan> first_plan(const Problem& problem, const PlanOptions& options);
  Plan counted(const Plan& plan);
  void improve(AsyncPlan::State& state, const Problem& problem, const PlanOptions& options);
  Result<Plan> make_plan(const Problem& problem, const PlanOptions& options, const Cancelled& cancelled);
  Result<std::string> search_if_needed(const Problem& problem, const PlanOptions& options,
                                       const Cancelled& cancelled);
  std::optional<Plan> first_that_works(const std::vector<Candidate>& candidates, Attempt& attempt);
  Result<Plan> build(const Problem& problem, const Candidate& candidate, bool may_compile,
                     std::int64_t partitions = 1);
  void record_failure(const Problem& problem, const KernelConfig& config, const Error& error);
  TuningDb* shipped();

  std::shared_ptr<Device> device_;
  Environment environment_;
  std::shared_ptr<WorkerPool> workers_;  ///< null: candidates are measured in this process
  LogCallback log_;
  std::mutex database_mutex_;  ///< of both databases
  TuningDb database_;
  std::optional<TuningDb> shipped_;
  bool shipped_opened_ = false;
  std::mutex calibration_mutex_;
  struct Calibrated {
    std::shared_ptr<const Calibration> calibration;
    std::int64_t at = -1;  ///< TuningDb::last_trial() then
  };
  std::map<std::string, Calibrated> calibrated_;  ///< by policy
  KernelStore kernels_;
  PlanMemory plans_;
  std::mutex searching_;   ///< one search at a time has the device
  Flights<Plan> flights_;  ///< by problem and rigor
  std::shared_ptr<CaptureRecorder> recorder_;
  Background background_;  ///< last: joined before anything goes that its tasks use
};

void count_request(const Plan& plan) {
  if (UseCounts* uses = plan.state().uses.get()) uses->requests.fetch_add(1, std::memory_order_relaxed);
}

Result<Plan> DeviceContext::plan(const Problem& problem, const PlanOptions& options) {
  std::optional<Plan> known = plans_.find(problem, effort_of(options.rigor));
  if (!known) {
    Result<Plan> made = find_or_make(problem, options, {});
    if (!made) return made;
    known = *made;
  }
  count_request(*known);
  return *known;
}

// Requests for one plan join, but for those that may be cancelled: what one of them gives up the others still want.
Result<Plan> DeviceContext::find_or_make(const Problem& problem, const PlanOptions& options,
                                         const Cancelled& cancelled) {
  const int effort = effort_of(options.rigor);
  if (Result<void> valid = validate(problem); !valid) return valid.error();
  if (device_->is_capturing(options.stream)) {
    return Error{ErrorCode::busy,
                 fmt::format("A stream is being captured and there is no plan for {} in memory: plan "
                             "it before the capture begins.",
                             to_string(problem))};
  }
  const std::string key = to_string(problem) + " " + to_string(options.rigor) + (cancelled ? " background" : "");
  return flights_.join(key, [&]() -> Result<Plan> {
    if (std::optional<Plan> known = plans_.find(problem, effort)) return *known;
    Result<Plan> made = make_plan(problem, options, cancelled);
    if (made && !(cancelled && cancelled())) plans_.put(problem, effort, *made);
    return made;
  });
}

Result<AsyncPlan> DeviceContext::plan_async(const Problem& problem, const PlanOptions& options) {
  const std::optional<Plan> known = plans_.find(problem, effort_of(options.rigor));
  Result<Plan> first = known ? Result<Plan>(*known) : first_plan(problem, options);
  if (!first) return first.error();
  count_request(*first);
  auto state =
      std::make_shared<AsyncPlan::State>(device_, *first, known ? AsyncProgress::settled : AsyncProgress::working);
  if (!known) {
    background_.add(
        measures(options.rigor) ? Background::Kind::measures : Background::Kind::compiles,
        [this, state, problem, options] { improve(*state, problem, options); },
        [state] { state->finish(AsyncProgress::cancelled); },
        [state](const Error& error) { state->finish(AsyncProgress::failed, error); });
  }
  return AsyncPlan(std::move(state));
}

// What can be had at once: a plan in memory, a binary in the cache, else the plain default, whose source is the
// smallest to compile; only where that fails, whatever works.
Result<Plan> DeviceContext::first_plan(const Problem& problem, const PlanOptions& options) {
  if (std::optional<Plan> any = plans_.find_any(problem)) return *any;
  PlanOptions without_work = options;
  without_work.rigor = Rigor::cached_only;
  Result<Plan> cached = find_or_make(problem, without_work, {});
  if (cached || cached.error().code == ErrorCode::busy || options.rigor == Rigor::cached_only) return cached;
  if (Result<KernelConfig> plain = default_config(problem, device_->facts())) {
    Result<Plan> built = build(problem,
                               {.config = *plain,
                                .provenance = Provenance::plain_default,
                                .reason = "it is ready first; a better one is made in the background"},
                               true);
    if (built) return counted(*built);
  }
  without_work.rigor = Rigor::estimate;
  return find_or_make(problem, without_work, {});
}

void DeviceContext::improve(AsyncPlan::State& state, const Problem& problem, const PlanOptions& options) {
  const auto cancelled = [&] { return state.cancelled.load() || background_.stopping(); };
  if (cancelled()) return state.finish(AsyncProgress::cancelled);
  PlanOptions here = options;
  here.stream = nullptr;  // the application's: nothing is done on it
  const std::optional<Plan> known = plans_.find(problem, effort_of(options.rigor));
  const Result<Plan> better = known ? Result<Plan>(*known) : find_or_make(problem, here, cancelled);
  if (cancelled()) return state.finish(AsyncProgress::cancelled);
  if (better) return state.improve(*better);
  if (log_) {
    log_(fmt::format("No better plan for {} than the first: {}", to_string(problem), better.error().message));
  }
  state.finish(AsyncProgress::failed, better.error());
}

Result<Plan> DeviceContext::make_plan(const Problem& problem, const PlanOptions& options,
                                      const Cancelled& cancelled) {
  std::string searched;
  if (measures(options.rigor)) {
    Result<std::string> note = search_if_needed(problem, options, cancelled);
    if (!note) return note.error();
    searched = std::move(note).value();
    if (cancelled && cancelled()) return Error{ErrorCode::busy, "The search was cancelled: plan again."};
  }
  Attempt attempt{.problem = problem, .may_compile = options.rigor != Rigor::cached_only, .passed = searched};
  std::vector<Candidate> known;
  with_database([&](TuningDb& database) {
    // What was measured here needs no rates to be taken up, and rates cost a CPU more than all the rest of a start.
    const std::vector<Trial> trials = database.trials(environment_, problem);
    const bool exact = std::ranges::any_of(
        trials, [](const Trial& trial) { return trial.measurement.status == TrialStatus::measured; });
    known = remembered(problem, exact ? device_->identity() : device_->facts(), environment_, trials, database,
                       [this] { return shipped(); });
    for (const Trial& trial : trials) {
      if (!was_timed(trial.measurement.status)) attempt.failed.insert(to_string(trial.config));
    }
  });
  if (std::optional<Plan> plan = first_that_works(known, attempt)) return *plan;
  const std::vector<Candidate> rest = modelled(problem, device_->facts(), calibration(environment_.policy).get());
  if (std::optional<Plan> plan = first_that_works(rest, attempt)) return *plan;
  if (attempt.last_error) {
    Error error = *attempt.last_error;
    if (attempt.failures > 1) error.message += fmt::format(" ({} candidates were tried.)", attempt.failures);
    return error;
  }
  Result<KernelConfig> plain = default_config(problem, device_->facts());
  if (!plain) return plain.error();
  return unsupported(fmt::format("No candidate for {} can be used on {}:\n{}", to_string(problem),
                                 device_->facts().name, attempt.passed));
}

// Opened by the first problem that the user's own database does not settle: reading it all costs more than a plan.
TuningDb* DeviceContext::shipped() {
  if (!shipped_opened_) {
    shipped_opened_ = true;
    Result<TuningDb> opened = open_shipped(log_);
    if (opened) {
      shipped_.emplace(std::move(opened).value());
    } else if (log_) {
      log_(fmt::format("The shipped measurements are not used: {}", opened.error().message));
    }
  }
  return shipped_ ? &*shipped_ : nullptr;
}

std::shared_ptr<const Calibration> DeviceContext::calibration(const std::string& policy) {
  const std::lock_guard lock(calibration_mutex_);
  Calibrated& known = calibrated_[policy];
  Environment environment = environment_;
  environment.policy = policy;
  std::vector<TimedCandidate> timed;
  std::int64_t last = 0;
  bool due = false;
  with_database([&](TuningDb& database) {
    last = database.last_trial();
    due = known.at < 0 || last < known.at || 4 * (last - known.at) > known.at;
    if (!due) return;
    for (Trial& trial : database.recent_trials(environment, Calibration::kTrialsWorthReading)) {
      timed.push_back({trial.problem, std::move(trial.config), trial.measurement.median});
    }
  });
  if (!due) return known.calibration;
  known = {.calibration = nullptr, .at = last};
  if (std::optional<Calibration> fitted = Calibration::fit(timed, device_->identity())) {
    known.calibration = std::make_shared<const Calibration>(std::move(*fitted));
  }
  return known.calibration;
}

// A sentence for explain() where the search left something to be said; else empty.
Result<std::string> DeviceContext::search_if_needed(const Problem& problem, const PlanOptions& options,
                                                    const Cancelled& cancelled) {
  const std::lock_guard lock(searching_);
  std::optional<SearchRecord> record;
  with_database([&](TuningDb& database) { record = database.find_search(environment_, problem); });
  if (record && record->complete) {
    const Result<Rigor> rigor = parse_rigor(record->rigor);
    if (rigor && effort_of(*rigor) >= effort_of(options.rigor)) return std::string();
  }
  const SearchOptions wanted{.rigor = options.rigor, .budget_s = options.budget_s, .cancelled = cancelled};
  Result<std::unique_ptr<Runner>> runner = workers_ ? make_worker_runner(workers_, *this, problem, wanted.policy)
                                                    : make_runner(*this, problem, wanted.policy);
  if (!runner) return runner.error();
  Result<SearchSummary> found = search(*this, **runner, problem, wanted);
  if (!found) return found.error();
  if (!found->winner) return std::string("    the search has no winner: every candidate that was tried failed\n");
  if (found->untried > 0) {
    return fmt::format("    {} candidates could not be tried: there was no room for them, or no compiler\n",
                       found->untried);
  }
  if (!found->record.complete) {
    return fmt::format("    the budget of {} s ended after {} of {} candidates\n", options.budget_s,
                       found->record.measured, found->record.candidates);
  }
  return std::string();
}

std::optional<Plan> DeviceContext::first_that_works(const std::vector<Candidate>& candidates, Attempt& attempt) {
  int skipped = 0;
  std::optional<Plan> plan;
  for (const Candidate& candidate : candidates) {
    const bool last_resort = candidate.provenance == Provenance::plain_default;
    if (attempt.failures >= kMostFailures && !last_resort) continue;
    const std::string name = to_string(candidate.config);
    if (!attempt.tried.insert(name).second) continue;
    if (attempt.failed.contains(name)) {
      ++skipped;
      continue;
    }
    Result<Plan> built = build(attempt.problem, candidate, attempt.may_compile);
    if (built) {
      plan = *built;
      break;
    }
    ++attempt.failures;
    attempt.last_error = built.error();
    attempt.passed += fmt::format("    {}: {}\n", name, built.error().message);
    if (attempt.may_compile) record_failure(attempt.problem, candidate.config, built.error());
  }
  if (skipped > 0) attempt.passed += fmt::format("    {} candidates that failed here before\n", skipped);
  if (!plan) return std::nullopt;
  auto state = std::make_shared<Plan::State>(plan->state());
  state->passed = attempt.passed;
  return counted(Plan(std::move(state)));
}

// The plan with its counts, where problems are captured.
Plan DeviceContext::counted(const Plan& plan) {
  if (!recorder_) return plan;
  auto state = std::make_shared<Plan::State>(plan.state());
  state->uses = recorder_->counts(plan.problem());
  return Plan(std::move(state));
}

Result<Plan> DeviceContext::build(const Problem& problem, const Candidate& candidate, bool may_compile,
                                  std::int64_t partitions) {
  const DeviceFacts& facts = device_->identity();
  if (Result<void> legal = check_legal(problem, candidate.config, facts); !legal) return legal.error();
  Result<KernelSource> source = emit_partitioned(problem, candidate.config, facts, partitions);
  if (!source) return source.error();
  Result<KernelStore::Ready> kernel = kernels_.get(*source, may_compile);
  if (!kernel) return kernel.error();
  auto state = std::make_shared<Plan::State>();
  state->kernel = *kernel;
  state->provenance = candidate.provenance;
  state->reason = candidate.reason;
  state->measured_s = candidate.measured_s;
  state->io_bytes = io_bytes(problem);
  return Plan(std::move(state));
}

// Only what says something of the candidate: that memory ran out or a library is missing does not.
void DeviceContext::record_failure(const Problem& problem, const KernelConfig& config, const Error& error) {
  if (log_) log_(fmt::format("{} is passed over: {}", to_string(config), error.message));
  if (error.code != ErrorCode::compile_failed && error.code != ErrorCode::launch_failed) return;
  Trial trial{.environment = environment_, .problem = problem, .config = config};
  trial.measurement.status =
      error.code == ErrorCode::compile_failed ? TrialStatus::compile_failed : TrialStatus::launch_failed;
  trial.measurement.reason = error.message;
  trial.unix_time = std::time(nullptr);
  with_database([&](TuningDb& database) {
    const Result<void> stored = database.put(trial);
    if (!stored && log_) log_(fmt::format("A trial was not stored: {}", stored.error().message));
  });
}

Result<Plan> DeviceContext::plan_config(const Problem& problem, const KernelConfig& config) {
  if (Result<void> valid = validate(problem); !valid) return valid.error();
  Candidate candidate{.config = config, .provenance = Provenance::cost_model, .reason = "the caller named it"};
  with_database([&](TuningDb& database) {
    const std::optional<Trial> trial = database.find(environment_, problem, config);
    if (!trial || trial->measurement.status != TrialStatus::measured) return;
    candidate.provenance = Provenance::exact;
    candidate.measured_s = trial->measurement.median;
  });
  return build(problem, candidate, true);
}

Result<Plan> DeviceContext::plan_partitioned(const Problem& block, const KernelConfig& config,
                                             std::int64_t partitions) {
  if (Result<void> valid = validate(block); !valid) return valid.error();
  Result<Plan> plan = build(block,
                            {.config = config,
                             .provenance = Provenance::cost_model,
                             .reason = fmt::format("it goes with a filter in {} partitions", partitions)},
                            true, partitions);
  // Its executions are those of the block that plan() was asked for: what is tuned is what runs.
  return plan ? counted(*plan) : plan;
}

}  // namespace

Result<std::shared_ptr<Context>> Context::create(std::shared_ptr<Device> device, const ContextOptions& options) {
  if (!device) return invalid("The device is null: open one with open_best_device().");
  std::filesystem::path tuning;
  std::filesystem::path kernels;
  if (options.use_disk) {
    const std::filesystem::path directory =
        options.cache_directory.empty() ? default_cache_directory(settings().cache_dir) : options.cache_directory;
    if (!directory.empty()) {
      tuning = directory / "tuning.db";
      kernels = directory / "kernels.db";
    }
  }
  Result<TuningDb> database = TuningDb::open(tuning, options.log);
  if (!database) return database.error();
  Result<KernelCache> cache = KernelCache::open(kernels, options.log);
  if (!cache) return cache.error();
  return std::shared_ptr<Context>(std::make_shared<DeviceContext>(std::move(device), std::move(database).value(),
                                                                  std::move(cache).value(), options));
}

}  // namespace fftconv
