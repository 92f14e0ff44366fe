#include "fftconv/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <map>

#include "compile_ahead.h"
#include "dispatcher.h"
#include "fftconv/cost_model.h"
#include "fftconv/search_space.h"
#include "race.h"

namespace fftconv {
namespace {

constexpr std::size_t kHeat = 8;       // candidates that hold device memory at a time
constexpr std::size_t kFinalists = 4;  // at most, in the second measurement
constexpr double kPrepareShare = 0.7;  // of the budget: what is prepared must still be raced

bool won_or_ran(const Trial& trial) { return trial.measurement.status == TrialStatus::measured; }

bool faster(const Trial& a, const Trial& b) { return a.measurement.median < b.measurement.median; }

class Search {
 public:
  Search(Context& context, Runner& runner, const Problem& problem, const SearchOptions& options)
      : context_(context),
        runner_(runner),
        problem_(problem),
        options_(options),
        facts_(context.device().facts()),
        environment_(context.environment()),
        clock_(options.clock ? options.clock : monotonic_clock()),
        ahead_(runner, options.compile_threads) {
    environment_.policy = to_string(options.policy);
  }

  Result<SearchSummary> run();

 private:
  Result<std::vector<KernelConfig>> pick_candidates();
  std::vector<KernelConfig> unknown_among(const std::vector<KernelConfig>& candidates);
  bool run_heats(const std::vector<KernelConfig>& todo);
  bool run_heat(const std::vector<KernelConfig>& heat, const std::vector<KernelConfig>& next);
  void run_final();
  void crown();
  SearchSummary summarise_search();

  std::optional<KernelConfig> best_so_far() const;
  bool out_of_time(double share) const { return clock_() >= start_ + share * budget(); }
  bool stopped() const { return out_of_time(1) || (options_.cancelled && options_.cancelled()); }
  double budget() const;
  bool wanted(const KernelConfig& config) const { return !options_.wanted || options_.wanted(config); }
  void store(const KernelConfig& config, const Measurement& measurement, bool report);

  Context& context_;
  Runner& runner_;
  const Problem& problem_;
  const SearchOptions& options_;
  const DeviceFacts& facts_;
  Environment environment_;
  Clock clock_;
  CompileAhead ahead_;
  double start_ = 0;
  KernelConfig incumbent_;
  std::map<std::string, Trial> trials_;  ///< by config: of the database and of this search
  std::optional<Error> store_error_;
  int space_ = 0, total_ = 0, done_ = 0, reused_ = 0, throttled_ = 0;
  bool complete_ = false;
};

double Search::budget() const {
  return options_.rigor == Rigor::exhaustive ? std::numeric_limits<double>::infinity() : options_.budget_s;
}

Result<SearchSummary> Search::run() {
  start_ = clock_();
  Result<std::vector<KernelConfig>> candidates = pick_candidates();
  if (!candidates) return candidates.error();
  const std::vector<KernelConfig> todo = unknown_among(*candidates);
  total_ = static_cast<int>(candidates->size());
  reused_ = done_ = total_ - static_cast<int>(todo.size());
  complete_ = run_heats(todo) && !options_.wanted;  // part of the space is not the space
  if (!todo.empty() && !stopped()) run_final();
  if (!todo.empty() && !options_.wanted) crown();
  const SearchSummary summary = summarise_search();
  context_.with_database([&](TuningDb& database) {
    // What was searched thoroughly stays so after a lesser search.
    const std::optional<SearchRecord> before = database.find_search(environment_, problem_);
    const Result<Rigor> rigor = before ? parse_rigor(before->rigor) : Result<Rigor>(Rigor::estimate);
    if (before && before->complete && rigor && (!complete_ || *rigor > options_.rigor)) return;
    const Result<void> stored = database.put_search(environment_, problem_, summary.record);
    if (!stored) store_error_ = stored.error();
  });
  // What cannot be stored is lost to the next process: that is the caller's to know.
  if (store_error_) return *store_error_;
  return summary;
}

// The incumbent first, then the plain default, then the model's best; all of them legal.
Result<std::vector<KernelConfig>> Search::pick_candidates() {
  std::vector<Ranked> ranked = rank(problem_, facts_);
  if (options_.wanted) std::erase_if(ranked, [&](const Ranked& other) { return !options_.wanted(other.config); });
  const Result<KernelConfig> plain = default_config(problem_, facts_);
  if (ranked.empty() && !plain) return plain.error();
  std::vector<Candidate> known;
  context_.with_database([&](TuningDb& database) {
    known = remembered(problem_, facts_, environment_, database, [] { return nullptr; });
    for (Trial& trial : database.trials(environment_, problem_)) {
      trials_.emplace(to_string(trial.config), trial);
    }
  });
  std::vector<KernelConfig> candidates;
  const auto add = [&](const KernelConfig& config) {
    if (std::find(candidates.begin(), candidates.end(), config) == candidates.end()) candidates.push_back(config);
  };
  // Until now an application got this one: what replaces it must be faster, not as fast.
  if (!known.empty() && wanted(known.front().config)) add(known.front().config);
  if (!ranked.empty()) add(ranked.front().config);
  if (plain) add(*plain);
  incumbent_ = candidates.front();
  space_ = static_cast<int>(ranked.size());
  const auto limit = static_cast<std::size_t>(candidate_limit(options_.rigor));
  for (std::size_t i = 0; i < ranked.size() && i < limit; ++i) add(ranked[i].config);
  return candidates;
}

std::vector<KernelConfig> Search::unknown_among(const std::vector<KernelConfig>& candidates) {
  std::vector<KernelConfig> todo;
  for (const KernelConfig& config : candidates) {
    if (!trials_.contains(to_string(config))) todo.push_back(config);
  }
  return todo;
}

bool Search::run_heats(const std::vector<KernelConfig>& todo) {
  const auto slice = [&](std::size_t first) {
    const std::size_t begin = std::min(first, todo.size());
    return std::vector<KernelConfig>(
        todo.begin() + static_cast<std::ptrdiff_t>(begin),
        todo.begin() + static_cast<std::ptrdiff_t>(std::min(begin + kHeat, todo.size())));
  };
  ahead_.add(slice(0));
  for (std::size_t first = 0; first < todo.size(); first += kHeat) {
    if (first > 0 && stopped()) return false;
    if (!run_heat(slice(first), slice(first + kHeat))) return false;
  }
  return true;
}

// False where time ran out before all of the heat was tried.
bool Search::run_heat(const std::vector<KernelConfig>& heat, const std::vector<KernelConfig>& next) {
  std::vector<Racer> racers;
  // The best so far runs along: times of two heats are compared through it, not across minutes.
  const std::optional<KernelConfig> king = best_so_far();
  if (king) racers.push_back({*king, runner_.prepare(*king)});
  bool all = true;
  for (const KernelConfig& config : heat) {
    const bool first_of_all = racers.empty();
    if ((stopped() || out_of_time(kPrepareShare)) && !first_of_all) {
      all = false;
      break;
    }
    racers.push_back({config, runner_.prepare(config)});
    const Racer& racer = racers.back();
    // A failure is known now; who may race is stored after it.
    if (racer.measurement.status != TrialStatus::measured) store(config, racer.measurement, true);
  }
  // On a CPU the compiler would run on the cores that are being timed.
  const bool shares_cores = facts_.kind == DeviceKind::cpu;
  if (shares_cores) ahead_.wait();
  if (!shares_cores && all) ahead_.add(next);
  std::vector<bool> failed;
  for (const Racer& racer : racers) failed.push_back(racer.measurement.status != TrialStatus::measured);
  race(runner_, racers, options_.policy, clock_, start_ + budget(), options_.cancelled);
  if (shares_cores && all) ahead_.add(next);
  for (std::size_t i = 0; i < racers.size(); ++i) {
    const Racer& racer = racers[i];
    runner_.release(racer.config);
    throttled_ += racer.measurement.throttled;
    const bool is_king = king && racer.config == *king;
    if (is_king || failed[i]) continue;
    if (racer.measurement.samples.empty() && racer.measurement.throttled == 0 &&
        racer.measurement.status == TrialStatus::timed_out) {
      all = false;  // the budget ended before its first sample: that says nothing of the candidate
      continue;
    }
    store(racer.config, racer.measurement, true);
  }
  return all;
}

void Search::run_final() {
  std::vector<const Trial*> ordered;
  for (const auto& [name, trial] : trials_) {
    if (won_or_ran(trial) && wanted(trial.config)) ordered.push_back(&trial);
  }
  std::sort(ordered.begin(), ordered.end(), [](const Trial* a, const Trial* b) { return faster(*a, *b); });
  std::vector<KernelConfig> close;
  for (const Trial* trial : ordered) {
    if (trial->measurement.median <= ordered.front()->measurement.median * (1 + options_.policy.tie)) {
      close.push_back(trial->config);
    }
  }
  if (close.size() < 2) return;
  if (close.size() > kFinalists) {
    const bool incumbent_close = std::find(close.begin(), close.end(), incumbent_) != close.end();
    close.resize(kFinalists);
    if (incumbent_close && std::find(close.begin(), close.end(), incumbent_) == close.end())
      close.back() = incumbent_;
  }
  std::vector<Racer> finalists;
  for (const KernelConfig& config : close) {
    Racer racer{config, runner_.prepare(config)};
    if (racer.measurement.status == TrialStatus::measured) {
      finalists.push_back(std::move(racer));
    } else {
      store(config, racer.measurement, false);  // right once and wrong once is wrong
    }
  }
  MeasurePolicy policy = options_.policy;
  policy.min_samples = std::min(2 * policy.min_samples, policy.max_samples);
  policy.drop_after = policy.max_samples + 1;
  race(runner_, finalists, policy, clock_, start_ + budget(), options_.cancelled);
  for (const Racer& racer : finalists) {
    runner_.release(racer.config);
    throttled_ += racer.measurement.throttled;
  }
  // Where the budget cut the second measurement off, the first one stands for all.
  const bool cut = std::any_of(finalists.begin(), finalists.end(),
                               [](const Racer& racer) { return racer.measurement.samples.empty(); });
  if (cut) return;
  for (const Racer& racer : finalists) store(racer.config, racer.measurement, false);
}

// The fastest, unless the incumbent is as good. Winners are the fastest measured trial of the database, so that a
// challenger that does not win must not be one.
void Search::crown() {
  const std::optional<KernelConfig> best = best_so_far();
  if (!best) return;
  Trial winner = trials_.at(to_string(*best));
  if (const auto found = trials_.find(to_string(incumbent_)); found != trials_.end()) {
    const Trial& incumbent = found->second;
    const double limit = winner.measurement.median * (1 + options_.policy.tie);
    if (won_or_ran(incumbent) && incumbent.measurement.median <= limit) winner = incumbent;
  }
  std::vector<Trial> beaten;
  for (const auto& [name, trial] : trials_) {
    if (won_or_ran(trial) && !faster(winner, trial) && trial.config != winner.config) beaten.push_back(trial);
  }
  for (Trial& trial : beaten) {
    trial.measurement.status = TrialStatus::dropped;
    trial.measurement.reason =
        fmt::format("{:.1f} % faster than the incumbent, within the tie of {:.1f} %: the incumbent stays.",
                    100 * (winner.measurement.median / trial.measurement.median - 1), 100 * options_.policy.tie);
    store(trial.config, trial.measurement, false);
  }
}

std::optional<KernelConfig> Search::best_so_far() const {
  const Trial* best = nullptr;
  for (const auto& [name, trial] : trials_) {
    if (won_or_ran(trial) && wanted(trial.config) && (!best || faster(trial, *best))) best = &trial;
  }
  if (!best) return std::nullopt;
  return best->config;
}

void Search::store(const KernelConfig& config, const Measurement& measurement, bool report) {
  Trial trial{.environment = environment_,
              .problem = problem_,
              .config = config,
              .measurement = measurement,
              .unix_time = std::time(nullptr)};
  context_.with_database([&](TuningDb& database) {
    const Result<void> stored = database.put(trial);
    if (!stored) store_error_ = stored.error();
  });
  const Trial& kept = trials_.insert_or_assign(to_string(config), std::move(trial)).first->second;
  if (!report) return;
  ++done_;
  if (options_.progress) options_.progress({.done = done_, .total = total_, .last = &kept});
}

SearchSummary Search::summarise_search() {
  SearchSummary summary;
  summary.problem = problem_;
  summary.floor_s = floor_seconds(problem_, facts_);
  summary.reused = reused_;
  summary.throttled = throttled_;
  int measured = 0;
  for (const auto& [name, trial] : trials_) {
    const TrialStatus status = trial.measurement.status;
    measured += status == TrialStatus::measured || status == TrialStatus::dropped;
    summary.dropped += status == TrialStatus::dropped;
    summary.failed += status != TrialStatus::measured && status != TrialStatus::dropped;
  }
  if (const std::optional<KernelConfig> best = best_so_far()) {
    summary.winner = trials_.at(to_string(*best));
    summary.predicted_s = predict(problem_, *best, facts_).total_s;
  }
  if (const Result<KernelConfig> plain = default_config(problem_, facts_)) {
    if (const auto found = trials_.find(to_string(*plain)); found != trials_.end()) {
      summary.plain_default = found->second;
    }
  }
  summary.record = {.rigor = to_string(options_.rigor),
                    .budget_s = options_.budget_s,
                    .candidates = space_,
                    .measured = measured,
                    .complete = complete_};
  return summary;
}

}  // namespace

int candidate_limit(Rigor rigor) {
  switch (rigor) {
    case Rigor::measure:
      return 8;
    case Rigor::patient:
      return 48;
    case Rigor::exhaustive:
      return std::numeric_limits<int>::max();
    case Rigor::estimate:
    case Rigor::cached_only:
      break;
  }
  return 0;
}

Result<SearchSummary> search(Context& context, Runner& runner, const Problem& problem, const SearchOptions& options) {
  if (Result<void> valid = validate(problem); !valid) return valid.error();
  if (candidate_limit(options.rigor) == 0) {
    return invalid(fmt::format("Rigor {} does not measure: search with measure, patient or exhaustive.",
                               to_string(options.rigor)));
  }
  return Search(context, runner, problem, options).run();
}

Result<SearchSummary> search(Context& context, const Problem& problem, const SearchOptions& options) {
  if (Result<void> valid = validate(problem); !valid) return valid.error();
  Result<std::unique_ptr<Runner>> runner = make_runner(context, problem, options.policy);
  if (!runner) return runner.error();
  return search(context, **runner, problem, options);
}

}  // namespace fftconv
