// How much slower a search's winner is than the best of the whole space, where the search may measure a twentieth of
// it and the cost model was calibrated on other problems. On the CPU device.
//
//   target_search_regret [--dir FOLDER] [--seconds S]
//
// Three stages, each taken up where the last run ended (--seconds, then run it again):
//   1. exhaustive searches of all problems, into FOLDER/all;
//   2. for each held-out problem a search by max_trials = space / 20 in FOLDER/one, whose database holds the trials
//      of the calibration problems and nothing else;
//   3. that search's winner and the exhaustive run's five best, timed again side by side: the least of hundreds of
//      noisy medians is lucky, so that its own figure would be no yardstick.
// The table is FOLDER/regret.jsonl; the targets are printed when all problems are in it.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "fftconv/search.h"
#include "fftconv/search_space.h"
#include "fftconv/statistics.h"
#include "race.h"
#include "regret_problems.h"
#include "target.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;
namespace fs = std::filesystem;

constexpr int kBest = 5;
constexpr int kRaces = 5;  // in memory of their own: where its pages lie matters by some percent
constexpr double kShare = 0.05;

struct Line {
  int space = 0, compiled = 0, measured = 0;
  double best_s = 0, chosen_s = 0, regret = 0;
  std::string best, chosen;
};

struct Job {
  fs::path folder;
  double deadline = 0;
  Clock clock = monotonic_clock();
  std::shared_ptr<Device> device;
  bool out_of_time() const { return clock() >= deadline; }
};

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
    options.cancelled = [&] { return job.out_of_time(); };
    const SearchSummary summary = search(*context, problem, options).value();
    fmt::print(stderr, "exhaustive: {}: {} of {} measured, {} failed, regret of the first {:.3f}\n",
               to_string(problem), summary.record.measured, summary.record.candidates, summary.failed,
               summary.regret_of_first.value_or(-1));
    if (!summary.record.complete) return false;
  }
  return true;
}

/// A database with every second trial of the calibration problems and nothing else, beside the binaries that exist
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
      for (std::size_t i = 0; i < trials.size(); i += 2) db.put(trials[i]).value();
    });
  }
}

std::vector<KernelConfig> best_of_all(const Job& job, const Problem& problem) {
  const auto context = open_context(job, "all");
  std::vector<Trial> trials;
  context->with_database([&](TuningDb& db) { trials = db.trials(environment_of(*context), problem); });
  std::erase_if(trials,
                [](const Trial& trial) { return trial.measurement.error < 0 || trial.measurement.median <= 0; });
  std::sort(trials.begin(), trials.end(),
            [](const Trial& a, const Trial& b) { return a.measurement.median < b.measurement.median; });
  std::vector<KernelConfig> best;
  for (const Trial& trial : trials) {
    if (best.size() < kBest) best.push_back(trial.config);
  }
  return best;
}

Line judge(const Job& job, const Problem& problem) {
  Line line;
  prepare_search(job);
  const auto context = open_context(job, "one");
  SearchOptions options{.rigor = Rigor::measure, .budget_s = 600, .policy = policy()};
  line.space = static_cast<int>(search_space(problem, job.device->facts()).configs.size());
  options.max_trials = std::max(3, static_cast<int>(line.space * kShare));
  const SearchSummary summary = search(*context, problem, options).value();
  line.compiled = summary.record.compiled;
  line.measured = summary.record.measured + summary.failed;
  const KernelConfig chosen = summary.winner.value().config;

  std::vector<KernelConfig> runners = best_of_all(job, problem);
  if (std::find(runners.begin(), runners.end(), chosen) == runners.end()) runners.push_back(chosen);
  MeasurePolicy careful = policy();
  careful.min_samples = careful.max_samples = 60;
  careful.drop_after = careful.max_samples + 1;
  const auto runner = make_runner(*context, problem, careful).value();
  std::map<std::string, std::vector<double>> samples;
  for (int race_number = 0; race_number < kRaces; ++race_number) {
    std::vector<Racer> racers;
    for (const KernelConfig& config : runners) racers.push_back({config, runner->prepare(config).value()});
    race(*runner, racers, careful, job.clock, job.clock() + 60);
    for (const Racer& racer : racers) {
      std::vector<double>& all = samples[to_string(racer.config)];
      all.insert(all.end(), racer.measurement.samples.begin(), racer.measurement.samples.end());
      runner->release(racer.config);
    }
  }
  line.best_s = 1e9;
  for (const auto& [config, all] : samples) {
    const double seconds = median(all);
    if (config == to_string(chosen)) line.chosen_s = seconds, line.chosen = config;
    if (seconds > 0 && seconds < line.best_s) line.best_s = seconds, line.best = config;
  }
  line.regret = line.chosen_s / line.best_s - 1;
  return line;
}

std::map<std::string, std::string> read_lines(const fs::path& file) {
  std::map<std::string, std::string> lines;
  std::ifstream in(file);
  for (std::string text; std::getline(in, text);) {
    const auto begin = text.find("\"problem\": \"") + 12;
    lines[text.substr(begin, text.find('"', begin) - begin)] = text;
  }
  return lines;
}

double number_in(const std::string& line, const std::string& key) {
  const auto at = line.find("\"" + key + "\": ");
  return at == std::string::npos ? 0 : std::stod(line.substr(at + key.size() + 4));
}

}  // namespace

int main(int argc, char** argv) {
  Job job{.folder = "build/search-regret"};
  double seconds = 1e9;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--dir")) job.folder = argv[i + 1];
    if (!std::strcmp(argv[i], "--seconds")) seconds = std::stod(argv[i + 1]);
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
  const fs::path file = job.folder / "regret.jsonl";
  std::map<std::string, std::string> lines = read_lines(file);
  for (const Problem& problem : held_out) {
    const std::string name = to_string(problem);
    if (lines.contains(name)) continue;
    if (job.out_of_time()) {
      fmt::print(stderr, "search_regret: {} of {} problems judged; run it again\n", lines.size(), held_out.size());
      return 3;
    }
    const Line line = judge(job, problem);
    const std::string text = fmt::format(
        R"({{"problem": "{}", "space": {}, "compiled": {}, "measured": {}, "best_s": {:.6g}, "chosen_s": {:.6g}, "regret": {:.4f}, "best": "{}", "chosen": "{}"}})",
        name, line.space, line.compiled, line.measured, line.best_s, line.chosen_s, line.regret, line.best,
        line.chosen);
    std::ofstream(file, std::ios::app) << text << "\n";
    fmt::print(stderr, "{}\n", text);
    lines[name] = text;
  }
  std::vector<double> regrets;
  double share = 0;
  for (const auto& [name, text] : lines) {
    regrets.push_back(number_in(text, "regret"));
    share = std::max(share, number_in(text, "measured") / number_in(text, "space"));
    fmt::print("{}\n", text);
  }
  std::sort(regrets.begin(), regrets.end());
  const std::string note = fmt::format("{} held-out problems", regrets.size());
  bool met = report("search: median regret", regrets[regrets.size() / 2], Goal::at_most, 0.01, "1", note);
  met &= report("search: worst regret", regrets.back(), Goal::at_most, 0.05, "1", note);
  met &= report("search: share of the space measured", share, Goal::at_most, kShare, "1", "largest of all problems");
  return met ? 0 : 1;
}
