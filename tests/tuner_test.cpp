#include "fftconv/tuner.h"

#include <doctest/doctest.h>

#include "fake_bench.h"

namespace fftconv {
namespace {

/// Each sample takes as long as it says, on a clock that nothing else moves.
struct Timed {
  explicit Timed(double seconds, FakeScript script = {}) {
    script.sample = [seconds, now = now](const KernelConfig&, int) {
      *now += seconds;
      return Sample{.seconds = seconds};
    };
    context = context_on(counting_device(std::move(script), log));
  }
  SweepOptions options() const {
    SweepOptions options;
    options.clock = [now = now] { return *now; };
    return options;
  }

  std::shared_ptr<double> now = std::make_shared<double>(0);
  std::shared_ptr<FakeLog> log = std::make_shared<FakeLog>();
  std::shared_ptr<Context> context;
};

std::vector<Problem> three_problems() { return {small_problem(256), small_problem(512), small_problem(1024)}; }

}  // namespace

TEST_CASE("a sweep has a row with a winner for each problem, in order") {
  Timed timed(1e-5);
  const auto rows = sweep(*timed.context, three_problems(), timed.options());
  REQUIRE(rows.size() == 3);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].problem == three_problems()[i]);
    REQUIRE(rows[i].summary);
    CHECK(rows[i].summary->winner);
    CHECK(rows[i].summary->plain_default);
    CHECK(rows[i].why_no_winner.empty());
  }
}

TEST_CASE("problems share the budget, and what one leaves over goes to the next") {
  Timed timed(1);
  SweepOptions options = timed.options();
  options.budget_s = 60;
  std::vector<double> finished;
  options.progress = [&](const SweepProgress& progress) {
    if (progress.finished) finished.push_back(*timed.now);
  };
  sweep(*timed.context, three_problems(), options);
  REQUIRE(finished.size() == 3);
  CHECK(finished[0] <= 20);
  CHECK(finished[1] <= 40);
  CHECK(finished[2] <= 60);
  CHECK(finished[0] > 5);
}

TEST_CASE("a problem that fails costs its own row, with the reason") {
  FakeScript script;
  script.distort = [](const KernelConfig& config, double exact) {
    return transform_length(config) < 400 ? 0.0 : exact;
  };
  Timed timed(1e-5, script);
  std::vector<Problem> problems = three_problems();
  problems.push_back(small_problem(0));
  const auto rows = sweep(*timed.context, problems, timed.options());
  REQUIRE(rows.size() == 4);
  REQUIRE(rows[0].summary);
  CHECK(!rows[0].summary->winner);
  CHECK(rows[0].why_no_winner.find("above the budget") != std::string::npos);
  CHECK(rows[1].summary->winner);
  CHECK(rows[2].summary->winner);
  CHECK(!rows[3].summary);
  CHECK(!rows[3].why_no_winner.empty());
}

TEST_CASE("a second sweep samples nothing") {
  Timed timed(1e-5);
  sweep(*timed.context, three_problems(), timed.options());
  const int samples = timed.log->samples;
  const int compiles = timed.log->compiles;
  const auto rows = sweep(*timed.context, three_problems(), timed.options());
  CHECK(timed.log->samples == samples);
  CHECK(timed.log->compiles == compiles);
  for (const SweepRow& row : rows) CHECK(row.summary->reused > 0);
}

TEST_CASE("progress goes up to the last candidate of the last problem, and the time left down to nothing") {
  Timed timed(0.01);
  SweepOptions options = timed.options();
  double before = -1;
  double left = -1;
  int finished = 0;
  options.progress = [&](const SweepProgress& progress) {
    const double place = static_cast<double>(progress.problem) +
                         (progress.total ? static_cast<double>(progress.done) / progress.total : 0);
    CHECK(place >= before);
    before = place;
    left = progress.seconds_left;
    finished += progress.finished != nullptr;
    CHECK(progress.problems == 3);
  };
  sweep(*timed.context, three_problems(), options);
  CHECK(before == doctest::Approx(3));
  CHECK(left == doctest::Approx(0));
  CHECK(finished == 3);
}

TEST_CASE("a cancelled sweep keeps the rows that it has") {
  Timed timed(1e-5);
  SweepOptions options = timed.options();
  bool stop = false;
  options.progress = [&](const SweepProgress& progress) { stop |= progress.finished != nullptr; };
  options.cancelled = [&] { return stop; };
  const auto rows = sweep(*timed.context, three_problems(), options);
  CHECK(rows.size() == 1);
  CHECK(rows[0].summary->winner);
}

TEST_CASE("another runner can be put in, and one that cannot be made fails its problem alone") {
  Timed timed(1e-5);
  SweepOptions options = timed.options();
  int made = 0;
  options.runner = [&](Context& context, const Problem& problem) -> Result<std::unique_ptr<Runner>> {
    if (made++ == 0) return Error{ErrorCode::io, "no worker process today"};
    return make_runner(context, problem, {});
  };
  const auto rows = sweep(*timed.context, three_problems(), options);
  REQUIRE(rows.size() == 3);
  CHECK(!rows[0].summary);
  CHECK(rows[0].why_no_winner == "no worker process today");
  CHECK(rows[1].summary->winner);
  CHECK(rows[2].summary->winner);
  CHECK(made == 3);
}

}  // namespace fftconv
