// A sweep by ranks on a fake device: ranks_sweep CACHE PROBLEMS SECONDS_A_SAMPLE SILENCE_S [RANK PROBLEM]: that rank
// kills itself at its PROBLEM-th problem, after its first trial; rank 0 not before every other rank has stored one.
// MODEL_<rank> names a rank's device, CALL_S the longest call of MPI in seconds.
// Prints a line "problem<TAB>device" for each finished row, and at the end "complete".
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "fftconv/fake_device.h"
#include "fftconv/tuning_db.h"
#include "scale/rank_sweep.h"

using namespace fftconv;

namespace {

std::vector<Problem> problems(int count) {
  std::vector<Problem> list;
  for (int i = 0; i < count; ++i) {
    Problem problem;
    problem.seqlen = problem.filter_len = 256 + 2 * i;
    problem.io = DataType::f16;
    problem.precision = Precision::f16;
    list.push_back(problem);
  }
  return list;
}

/// Whether `count` ranks have a database with a trial in it; waits for that half a minute at most.
bool wait_for_trials(const std::filesystem::path& cache, int count) {
  const auto stored = [&] {
    int found = 0;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(cache / "ranks", none)) {
      std::string lines;
      auto database = TuningDb::open(entry.path() / "tuning.db", {}, true);
      found += database && database->export_lines(lines) && !lines.empty();
    }
    return found >= count;
  };
  for (int look = 0; look < 600; ++look) {
    if (stored()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 7) return 2;
  auto ranks = tools::open_mpi();
  if (!ranks) {
    std::fprintf(stderr, "%s\n", ranks.error().message.c_str());
    return 2;
  }
  const int rank = (*ranks)->rank(), others = (*ranks)->size() - 1;
  const double pause = std::atof(argv[3]);
  const int kill_rank = argc == 7 ? std::atoi(argv[5]) : -1, kill_at = argc == 7 ? std::atoi(argv[6]) : 0;
  const char* const model = std::getenv(fmt::format("MODEL_{}", rank).c_str());

  tools::RankSweep job{.problems = problems(std::atoi(argv[2])), .cache = argv[1], .silence_s = std::atof(argv[4])};
  if (const char* const limit = std::getenv("CALL_S")) job.call_s = std::atof(limit);
  job.log = [rank](const std::string& line) { std::fprintf(stderr, "[%d] %s\n", rank, line.c_str()); };
  job.open = [&](const std::filesystem::path& directory) {
    FakeScript script;
    script.facts = make_fake_device({})->facts();
    if (model != nullptr) script.facts.name = model;
    script.sample = [pause](const KernelConfig&, int) {
      std::this_thread::sleep_for(std::chrono::duration<double>(pause));
      return Sample{.seconds = 1e-5};
    };
    return Context::create(make_fake_device(std::move(script)), {.cache_directory = directory});
  };
  int begun = 0;
  job.options = [&](const std::shared_ptr<Context>&) {
    SweepOptions options{.budget_s = 600, .max_trials = 3};
    options.progress = [&](const SweepProgress& step) {
      if (step.total == 0 && step.finished == nullptr) ++begun;
      if (rank != kill_rank || begun < kill_at || step.done == 0 || step.finished != nullptr) return;
      if (rank > 0 || wait_for_trials(argv[1], others)) std::raise(SIGKILL);
    };
    return options;
  };
  job.finished = [](const SweepRow& row, TuningDb&) {
    const bool won = row.summary && row.summary->winner;
    std::printf("row\t%s\t%s\t%d\t%s\n", to_string(row.problem).c_str(), row.environment.device.c_str(),
                won ? row.summary->reused : -1, row.why_no_winner.c_str());
    std::fflush(stdout);
  };
  const auto outcome = tools::sweep_by_ranks(std::move(*ranks), job);
  if (!outcome) {
    std::fprintf(stderr, "[%d] %s\n", rank, outcome.error().message.c_str());
    return 1;
  }
  if (rank == 0) std::printf("complete\n");
  return outcome->complete ? 0 : 1;
}
