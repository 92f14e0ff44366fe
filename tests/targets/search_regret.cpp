// How much slower a search's winner is than the best of the whole space, where the search may measure a twentieth of
// it and the cost model was calibrated on other problems. On the CPU device.
//
//   target_search_regret [--dir FOLDER] [--seconds S] [--against FILE]
//
// Four stages, each taken up where the last run ended (--seconds, then run it again):
//   1. exhaustive searches of all problems, into FOLDER/all;
//   2. for each held-out problem a search by max_trials = space / 20 in FOLDER/one, whose database holds the trials
//      of the calibration problems and nothing else; its winner goes into FOLDER/chosen.jsonl;
//   3. the 24 rivals of each problem, into FOLDER/rivals.jsonl: the exhaustive run took its times over many minutes,
//      and on a shared machine they are off by up to 40 %. So all that were up to 60 % slower than the best of them
//      race together, in races minutes apart, and each counts by the best of those;
//   4. winners and rivals side by side: the least of hundreds of noisy medians is lucky, so that its own figure would
//      be no yardstick. All problems are gone through many times, over minutes, and the quietest third counts: what
//      else runs on a shared machine slows candidates down unlike one another, for seconds. The regret over all
//      passes stands beside it.
// FOLDER/chosen.jsonl is of one build of this program: what another searched is searched again.
// FILE is what another build has chosen, its chosen.jsonl: it is judged in the same races, since a machine's day
// moves regrets by more than most changes of a search do. The table is FOLDER/regret.jsonl.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "fftconv/search.h"
#include "fftconv/search_space.h"
#include "fftconv/sha256.h"
#include "fftconv/statistics.h"
#include "regret_problems.h"
#include "search/quiet_race.h"
#include "search/race.h"
#include "target.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;
namespace fs = std::filesystem;

constexpr std::size_t kRivals = 24;
constexpr double kSieve = 1.6;   // times the exhaustive run's least: who may be a rival
constexpr int kSievings = 3;     // races of them
constexpr int kSieveRounds = 7;  // of each
constexpr int kPasses = 60;      // of the judging, over all problems
constexpr int kCount = 20;       // of them
constexpr int kRounds = 10;      // of one problem in a pass
constexpr double kShare = 0.05;
constexpr int kExhaustiveSamples = 7;  // of a candidate at most, of 14,000; the best of them are judged again

/// A winner and its rivals, ready to race.
struct Contest {
  std::string problem;
  KernelConfig chosen;
  std::optional<KernelConfig> other;  ///< that another build has chosen
  bool among_rivals = false;          ///< else the rivals missed one that a search of a twentieth found
  std::unique_ptr<Runner> runner;
  std::vector<Racer> racers;              ///< as prepared
  std::vector<std::vector<Racer>> races;  ///< of each pass
};

/// Seconds and configs.
using Times = std::vector<std::pair<double, std::string>>;

struct Verdict {
  double best_s = 0, chosen_s = 0, regret = 0, regret_of_other = 0;
  std::string best;
  Times times;  ///< of all racers
};

struct Job {
  fs::path folder;
  double deadline = 0;
  Clock clock = monotonic_clock();
  std::shared_ptr<Device> device;
  bool out_of_time() const { return clock() >= deadline; }
};

std::string text_in(const std::string& line, const std::string& key) {
  const auto at = line.find("\"" + key + "\": \"");
  if (at == std::string::npos) return {};
  const auto begin = at + key.size() + 5;
  return line.substr(begin, line.find('"', begin) - begin);
}

/// "CONFIG@MICROSECONDS …", fastest first.
std::string text_of(Times times) {
  std::sort(times.begin(), times.end());
  std::string text;
  for (const auto& [seconds, config] : times) {
    text += fmt::format("{}{}@{:.1f}", text.empty() ? "" : " ", config, 1e6 * seconds);
  }
  return text;
}

std::map<std::string, std::string> read_lines(const fs::path& file) {
  std::map<std::string, std::string> lines;
  std::ifstream in(file);
  for (std::string text; std::getline(in, text);) {
    lines[text_in(text, "problem")] = text;
  }
  return lines;
}

std::shared_ptr<Context> open_context(const Job& job, const char* name) {
  fs::create_directories(job.folder / name);
  fs::permissions(job.folder / name, fs::perms::owner_all);
  return Context::create(job.device, {.cache_directory = job.folder / name}).value();
}

MeasurePolicy policy() {
  MeasurePolicy policy;
  policy.cold = false;
  policy.min_samples = 7;
  return policy;
}

Environment environment_of(Context& context) {
  Environment environment = context.environment();
  environment.policy = to_string(policy());
  return environment;
}

bool exhaust(const Job& job, const std::vector<Problem>& problems) {
  const auto context = open_context(job, "all");
  for (const Problem& problem : problems) {
    if (job.out_of_time()) return false;
    SearchOptions options{.rigor = Rigor::exhaustive, .policy = policy()};
    options.policy.max_samples = kExhaustiveSamples;
    options.cancelled = [&] { return job.out_of_time(); };
    const SearchSummary summary = search(*context, problem, options).value();
    fmt::print(stderr, "exhaustive: {}: {} of {} measured, {} failed, regret of the first {:.3f}\n",
               to_string(problem), summary.record.measured, summary.record.candidates, summary.failed,
               summary.regret_of_first.value_or(-1));
    if (!summary.record.complete) return false;
  }
  return true;
}

/// A database with every third trial of the calibration problems and nothing else, beside the binaries that exist
/// already. A calibration reads so many trials at most: they are to be of all of the problems.
void prepare_search(const Job& job) {
  const fs::path one = job.folder / "one";
  fs::create_directories(one);
  for (const char* name : {"tuning.db", "tuning.db-wal", "tuning.db-shm"}) fs::remove(one / name);
  if (!fs::exists(one / "kernels.db")) fs::copy_file(job.folder / "all/kernels.db", one / "kernels.db");
  const std::vector<Problem> known = calibration_problems();
  const auto from = open_context(job, "all");
  const auto to = open_context(job, "one");
  for (const Problem& problem : known) {
    std::vector<Trial> trials;
    from->with_database([&](TuningDb& db) { trials = db.trials(environment_of(*from), problem); });
    to->with_database([&](TuningDb& db) {
      for (std::size_t i = 0; i < trials.size(); i += 3) db.put(trials[i]).value();
    });
  }
}

std::vector<Trial> timed_trials(Context& context, const Problem& problem) {
  std::vector<Trial> trials;
  context.with_database([&](TuningDb& db) { trials = db.trials(environment_of(context), problem); });
  std::erase_if(trials, [](const Trial& trial) {
    return !was_timed(trial.measurement.status) || trial.measurement.median <= 0;
  });
  return trials;
}

/// One race of all that may be the best of `problem`. `least`: their least medians so far, by config.
void sieve(const Job& job, Context& context, const Problem& problem, std::map<std::string, double>& least) {
  const std::vector<Trial> trials = timed_trials(context, problem);
  double best = 1e9;
  for (const Trial& trial : trials) best = std::min(best, trial.measurement.median);
  const std::unique_ptr<Runner> runner = make_runner(context, problem, policy()).value();
  std::vector<Racer> racers;
  for (const Trial& trial : trials) {
    if (trial.measurement.median > kSieve * best) continue;
    racers.push_back({trial.config, runner->prepare(trial.config).value()});
  }
  MeasurePolicy careful = policy();
  careful.min_samples = careful.max_samples = kSieveRounds;
  careful.drop_after = kSieveRounds + 1;
  race(*runner, racers, careful, job.clock, job.clock() + 60);
  for (const Racer& racer : racers) {
    double& known = least.try_emplace(to_string(racer.config), racer.measurement.median).first->second;
    known = std::min(known, racer.measurement.median);
  }
}

/// Lines of FOLDER/rivals.jsonl, by problem.
std::map<std::string, std::string> choose_rivals(const Job& job, const std::vector<Problem>& problems) {
  const auto context = open_context(job, "all");
  std::map<std::string, std::map<std::string, double>> least;
  for (int sieving = 0; sieving < kSievings; ++sieving) {
    for (const Problem& problem : problems) sieve(job, *context, problem, least[to_string(problem)]);
    fmt::print(stderr, "search_regret: rivals raced {} of {} times\n", sieving + 1, kSievings);
  }
  std::map<std::string, std::string> lines;
  for (const auto& [problem, times] : least) {
    Times ordered;
    for (const auto& [config, seconds] : times) ordered.emplace_back(seconds, config);
    std::sort(ordered.begin(), ordered.end());
    std::string rivals;
    for (std::size_t i = 0; i < std::min(kRivals, ordered.size()); ++i) {
      rivals += (i ? " " : "") + ordered[i].second;
    }
    lines[problem] = fmt::format(R"({{"problem": "{}", "raced": {}, "rivals": "{}", "times": "{}"}})", problem,
                                 times.size(), rivals, text_of(ordered));
  }
  return lines;
}

std::vector<KernelConfig> rivals_in(const std::string& line) {
  std::vector<KernelConfig> rivals;
  std::istringstream in(text_in(line, "rivals"));
  for (std::string config; in >> config;) rivals.push_back(parse_config(config).value());
  return rivals;
}

Times times_of(const std::vector<Trial>& trials) {
  Times times;
  for (const Trial& trial : trials) times.emplace_back(trial.measurement.median, to_string(trial.config));
  return times;
}

/// A line of FOLDER/chosen.jsonl.
std::string search_one(const Job& job, const Problem& problem, const std::string& program) {
  prepare_search(job);
  const auto context = open_context(job, "one");
  SearchOptions options{.rigor = Rigor::measure, .budget_s = 600, .policy = policy()};
  const int space = static_cast<int>(search_space(problem, job.device->facts()).configs.size());
  options.max_trials = std::max(3, static_cast<int>(space * kShare));
  const double begin = job.clock();
  const SearchSummary summary = search(*context, problem, options).value();
  return fmt::format(
      R"({{"problem": "{}", "program": "{}", "space": {}, "compiled": {}, "measured": {}, "seconds": {:.1f}, "chosen": "{}", "trials": "{}"}})",
      to_string(problem), program, space, summary.record.compiled, summary.record.measured + summary.failed,
      job.clock() - begin, to_string(summary.winner.value().config),
      text_of(times_of(timed_trials(*context, problem))));
}

KernelConfig chosen_in(const std::string& line) { return parse_config(text_in(line, "chosen")).value(); }

Contest prepare_contest(Context& context, const Problem& problem, const KernelConfig& chosen,
                        const std::optional<KernelConfig>& other, std::vector<KernelConfig> runners) {
  Contest contest{.problem = to_string(problem), .chosen = chosen, .other = other};
  const auto runs = [&](const KernelConfig& config) {
    return std::find(runners.begin(), runners.end(), config) != runners.end();
  };
  contest.among_rivals = runs(chosen);
  if (!contest.among_rivals) runners.push_back(chosen);
  if (other && !runs(*other)) runners.push_back(*other);
  contest.runner = make_runner(context, problem, policy()).value();
  for (const KernelConfig& config : runners) {
    contest.racers.push_back({config, contest.runner->prepare(config).value()});
  }
  return contest;
}

void run_pass(const Job& job, Contest& contest) {
  MeasurePolicy careful = policy();
  careful.min_samples = careful.max_samples = kRounds;
  careful.drop_after = kRounds + 1;
  contest.races.push_back(contest.racers);
  race(*contest.runner, contest.races.back(), careful, job.clock, job.clock() + 60);
}

/// By the passes with these numbers, as if they were one race.
Verdict judge(const Contest& contest, const std::vector<std::size_t>& passes) {
  std::vector<Racer> racers = contest.racers;
  for (std::size_t i = 0; i < racers.size(); ++i) {
    std::vector<double>& samples = racers[i].measurement.samples;
    for (const std::size_t pass : passes) {
      const std::vector<double>& some = contest.races[pass][i].measurement.samples;
      samples.insert(samples.end(), some.begin(), some.end());
    }
  }
  level_rounds(racers);
  Verdict verdict{.best_s = 1e9};
  double other_s = 0;
  for (const Racer& racer : racers) {
    const double seconds = racer.measurement.median;
    verdict.times.emplace_back(seconds, to_string(racer.config));
    if (racer.config == contest.chosen) verdict.chosen_s = seconds;
    if (contest.other && racer.config == *contest.other) other_s = seconds;
    if (seconds < verdict.best_s) verdict.best_s = seconds, verdict.best = to_string(racer.config);
  }
  verdict.regret = verdict.chosen_s / verdict.best_s - 1;
  if (contest.other) verdict.regret_of_other = other_s / verdict.best_s - 1;
  return verdict;
}

double number_in(const std::string& line, const std::string& key) {
  const auto at = line.find("\"" + key + "\": ");
  return at == std::string::npos ? 0 : std::stod(line.substr(at + key.size() + 4));
}

std::string digest_of_this_program() {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return sha256(bytes.str()).substr(0, 16);
}

}  // namespace

int main(int argc, char** argv) {
  Job job{.folder = "build/search-regret"};
  double seconds = 1e9;
  fs::path against;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--dir")) job.folder = argv[i + 1];
    if (!std::strcmp(argv[i], "--seconds")) seconds = std::stod(argv[i + 1]);
    if (!std::strcmp(argv[i], "--against")) against = argv[i + 1];
  }
  job.deadline = job.clock() + seconds;
  auto device = open_cpu_device();
  if (!device) {
    fmt::print(stderr, "search_regret: {}\n", device.error().message);
    return 2;
  }
  job.device = *device;
  std::vector<Problem> all = calibration_problems();
  const std::vector<Problem> held_out = held_out_problems();
  all.insert(all.end(), held_out.begin(), held_out.end());
  if (!exhaust(job, all)) {
    fmt::print(stderr, "search_regret: not done yet; run it again\n");
    return 3;
  }
  const fs::path file = job.folder / "chosen.jsonl";
  const std::string program = digest_of_this_program();
  std::map<std::string, std::string> lines = read_lines(file);
  if (std::erase_if(lines, [&](const auto& line) { return text_in(line.second, "program") != program; })) {
    fmt::print(stderr, "search_regret: what another build has chosen is searched again\n");
    lines.clear();
    fs::remove(file);
  }
  for (const Problem& problem : held_out) {
    const std::string name = to_string(problem);
    if (lines.contains(name)) continue;
    if (job.out_of_time()) {
      fmt::print(stderr, "search_regret: {} of {} problems searched; run it again\n", lines.size(), held_out.size());
      return 3;
    }
    lines[name] = search_one(job, problem, program);
    std::ofstream(file, std::ios::app) << lines[name] << "\n";
    fmt::print(stderr, "{}\n", lines[name]);
  }

  const fs::path rivals_file = job.folder / "rivals.jsonl";
  std::map<std::string, std::string> rivals = read_lines(rivals_file);
  if (rivals.size() < held_out.size()) {
    rivals = choose_rivals(job, held_out);
    std::ofstream out(rivals_file);
    for (const auto& [problem, line] : rivals) out << line << "\n";
  }
  const auto context = open_context(job, "one");
  std::map<std::string, std::string> others = read_lines(against);
  std::vector<Contest> contests;
  for (const Problem& problem : held_out) {
    const std::string name = to_string(problem);
    std::optional<KernelConfig> other;
    if (others.contains(name)) other = chosen_in(others[name]);
    contests.push_back(prepare_contest(*context, problem, chosen_in(lines[name]), other, rivals_in(rivals[name])));
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    for (Contest& contest : contests) run_pass(job, contest);
  }
  std::ofstream table(job.folder / "regret.jsonl");
  std::vector<double> regrets, of_all_passes, of_other;
  double share = 0;
  for (const Contest& contest : contests) {
    const std::vector<double> levels = race_levels(contest.races);
    const Verdict quiet = judge(contest, quietest(levels, kCount));
    const Verdict all = judge(contest, quietest(levels, kPasses));
    std::string line = lines[contest.problem];
    share = std::max(share, number_in(line, "measured") / number_in(line, "space"));
    line.pop_back();
    const bool tried = (" " + text_in(line, "trials")).find(" " + quiet.best + "@") != std::string::npos;
    line += fmt::format(
        R"(, "among_rivals": {}, "best_tried": {}, "best": "{}", "best_s": {:.6g}, "chosen_s": {:.6g}, "regret": {:.4f}, "regret_of_all_passes": {:.4f}, "judged": "{}"}})",
        contest.among_rivals, tried, quiet.best, quiet.best_s, quiet.chosen_s, quiet.regret, all.regret,
        text_of(quiet.times));
    if (contest.other) {
      line.pop_back();
      line += fmt::format(R"(, "other": "{}", "regret_of_other": {:.4f}}})", to_string(*contest.other),
                          quiet.regret_of_other);
      of_other.push_back(quiet.regret_of_other);
    }
    table << line << "\n";
    fmt::print("{}\n", line);
    regrets.push_back(quiet.regret);
    of_all_passes.push_back(all.regret);
  }
  const auto found = std::count_if(contests.begin(), contests.end(), [](const Contest& c) { return c.among_rivals; });
  const std::string note =
      fmt::format("{} held-out problems; {} of the chosen are among the {} rivals", regrets.size(), found, kRivals);
  const auto worst = [](const std::vector<double>& values) {
    return *std::max_element(values.begin(), values.end());
  };
  if (!of_other.empty()) {
    fmt::print(stderr, "search_regret: what {} has chosen: median regret {:.4f}, worst {:.4f}, of {} problems\n",
               against.string(), median(of_other), worst(of_other), of_other.size());
  }
  bool met = report("search: median regret", median(regrets), Goal::at_most, 0.01, "1", note);
  met &= report("search: worst regret", worst(regrets), Goal::at_most, 0.05, "1", note);
  met &= report("search: worst regret, with the passes in which the machine was busy", worst(of_all_passes),
                Goal::at_most, 0.05, "1", note);
  met &= report("search: share of the space measured", share, Goal::at_most, kShare, "1", "largest of all problems");
  return met ? 0 : 1;
}
