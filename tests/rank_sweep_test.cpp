// Sweeps by ranks that are threads (std::thread) of one process, with letters that a test may lose.
#include "scale/rank_sweep.h"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <set>
#include <thread>

#include "fake_bench.h"
#include "tool_process.h"

namespace fftconv {
namespace {

using tools::Letter;
using tools::Ranks;
using tools::RankSweep;

/// Letter boxes of all ranks.
struct Hub {
  std::mutex mutex;
  std::vector<std::deque<Letter>> boxes;
  std::set<int> cut;       ///< nothing comes from or goes to these
  std::set<int> together;  ///< left with everybody
  std::set<int> alone;     ///< left otherwise
};

class HubRanks final : public Ranks {
 public:
  HubRanks(Hub& hub, int rank) : hub_(hub), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(hub_.boxes.size()); }
  Result<void> send(int to, const std::string& text) override {
    const std::lock_guard lock(hub_.mutex);
    if (hub_.cut.contains(to) || hub_.cut.contains(rank_)) return {};
    hub_.boxes[static_cast<std::size_t>(to)].push_back({rank_, text});
    return {};
  }
  Result<std::optional<Letter>> receive() override {
    const std::lock_guard lock(hub_.mutex);
    auto& box = hub_.boxes[static_cast<std::size_t>(rank_)];
    if (box.empty()) return std::optional<Letter>();
    Letter letter = std::move(box.front());
    box.pop_front();
    return std::optional<Letter>(std::move(letter));
  }
  std::size_t pending() override { return 0; }
  void leave(bool together) override {
    const std::lock_guard lock(hub_.mutex);
    (together ? hub_.together : hub_.alone).insert(rank_);
  }

 private:
  Hub& hub_;
  int rank_;
};

struct Job {
  explicit Job(int ranks, int problems = 6) : outcomes(static_cast<std::size_t>(ranks), invalid("has not run")) {
    hub.boxes.resize(static_cast<std::size_t>(ranks));
    for (int i = 0; i < problems; ++i) list.push_back(small_problem(256 + 2 * i));
  }
  RankSweep sweep_of(int rank) {
    RankSweep job{.problems = list, .cache = folder.path(), .silence_s = silence_s};
    job.open = [this, rank](const std::filesystem::path& directory) -> Result<std::shared_ptr<Context>> {
      if (rank == without_device) return Error{ErrorCode::device_missing, "no device today"};
      return Context::create(
          make_fake_device({.facts = make_fake_device({})->facts(),
                            .sample = [](const KernelConfig&, int) { return Sample{.seconds = 1e-5}; }}),
          {.cache_directory = directory});
    };
    job.options = [this, rank](const std::shared_ptr<Context>&) {
      SweepOptions options{.budget_s = 600, .max_trials = 2};
      options.progress = [this, rank](const SweepProgress& step) {
        if (on_progress) on_progress(rank, step);
      };
      options.cancelled = [this] { return cancelled.load(); };
      return options;
    };
    job.finished = [this](const SweepRow& row, TuningDb&) {
      const std::lock_guard lock(mutex);
      rows.push_back(row);
    };
    job.log = [this](const std::string& line) {
      const std::lock_guard lock(mutex);
      log += line + "\n";
    };
    return job;
  }
  void run() {
    std::vector<std::thread> threads;
    for (int rank = 0; rank < static_cast<int>(hub.boxes.size()); ++rank) {
      threads.emplace_back([this, rank] {
        const RankSweep job = sweep_of(rank);
        outcomes[static_cast<std::size_t>(rank)] = sweep_by_ranks(std::make_unique<HubRanks>(hub, rank), job);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::size_t problems_known() const {
    auto database = TuningDb::open(folder.path() / "tuning.db", {}, true);
    REQUIRE(database);
    std::set<std::string> problems;
    REQUIRE(database->for_each([&](const Trial& trial) {
      problems.insert(to_string(trial.problem));
      return true;
    }));
    return problems.size();
  }
  std::size_t folders() const {
    std::error_code none;
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "ranks", none)) {
      count += entry.is_directory();
    }
    return count;
  }

  TemporaryDirectory folder;
  Hub hub;
  std::vector<Problem> list;
  double silence_s = 30;
  int without_device = -1;
  std::function<void(int, const SweepProgress&)> on_progress;
  std::atomic<bool> cancelled{false};
  std::mutex mutex;
  std::vector<SweepRow> rows;
  std::string log;
  std::vector<Result<tools::RankOutcome>> outcomes;
};

}  // namespace

TEST_CASE("all ranks work, leave together, and rank 0 has everything") {
  Job job(4);
  job.run();
  for (const auto& outcome : job.outcomes) {
    REQUIRE(outcome);
    CHECK(outcome->complete);
  }
  CHECK(job.rows.size() == 6);
  CHECK(job.problems_known() == 6);
  CHECK(job.hub.together.size() == 4);
  CHECK(job.folders() == 0);
  CHECK(job.log.empty());
}

TEST_CASE("one rank alone is a sweep, too") {
  Job job(1);
  job.run();
  REQUIRE(job.outcomes[0]);
  CHECK(job.rows.size() == 6);
  CHECK(job.hub.together.size() == 1);
}

TEST_CASE("a rank without a device says so, and the others do its work") {
  Job job(3);
  job.without_device = 2;
  job.run();
  REQUIRE_FALSE(job.outcomes[2]);
  CHECK(job.outcomes[2].error().message == "no device today");
  CHECK(job.outcomes[0]->complete);
  CHECK(job.rows.size() == 6);
  CHECK(job.log.find("rank 2 cannot go on: no device today") != std::string::npos);
}

TEST_CASE(
    "a rank that is cut off in the middle of a problem: the others finish, its own database keeps what it had") {
  Job job(3);
  job.silence_s = 2;
  job.on_progress = [&](int rank, const SweepProgress& step) {
    if (rank != 1 || step.done == 0) return;
    const std::lock_guard lock(job.hub.mutex);
    job.hub.cut.insert(1);
  };
  job.run();
  CHECK(job.outcomes[0]->complete);
  CHECK(job.rows.size() == 6);
  CHECK(job.problems_known() == 6);
  REQUIRE(job.outcomes[1]);
  CHECK_FALSE(job.outcomes[1]->complete);
  CHECK(job.folders() == 1);
  CHECK(job.hub.together.empty());
  // The next job takes it up.
  Job next(1);
  std::filesystem::copy(job.folder.path(), next.folder.path(), std::filesystem::copy_options::recursive);
  next.run();
  CHECK(next.folders() == 0);
  CHECK(next.problems_known() == 6);
}

TEST_CASE("cancelled by rank 0: everybody stops, and what was measured is kept") {
  Job job(3, 200);
  job.on_progress = [&](int rank, const SweepProgress& step) {
    if (rank == 0 && step.finished) job.cancelled = true;
  };
  job.run();
  CHECK(job.outcomes[0]->cancelled);
  CHECK(job.rows.size() >= 1);
  CHECK(job.rows.size() < 200);
  CHECK(job.problems_known() >= job.rows.size());
  CHECK(job.hub.together.size() == 3);
}

TEST_CASE("an MPI that does not return from a call: the rank says so and ends, and keeps what it measured") {
  const tool_test::Workplace place;
  const std::filesystem::path cache = place / "cache";
  const auto output = place.run_command({std::string(FFTCONV_BIN_DIR) + "/ranks_sweep", cache, "4", "0.002", "30"},
                                        {"FFTCONV_MPI=" FFTCONV_FAKE_MPI, "CALL_S=2"});
  CHECK(output.status == 1);
  CHECK(tool_test::contains(output.err, "has not returned from a call for 2 s"));
  CHECK(tool_test::contains(output.err, "give the same command again"));
  CHECK(TuningDb::open(cache / "tuning.db", {}, true));
}

}  // namespace fftconv
