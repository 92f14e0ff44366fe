// The choice for a problem: which trial it rests on, in the order of Provenance.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <random>

#include "exchange.h"
#include "fftconv/tuning_db.h"
#include "near_problems.h"
#include "sqlite.h"
#include "store_file.h"
#include "thinned.h"
#include "trial_row.h"
#include "tuning_db_fixture.h"
#include "tuning_db_state.h"

using namespace fftconv;
using namespace fftconv::test;

TEST_CASE("nothing stored is no choice") {
  auto db = in_memory();
  CHECK_FALSE(db.choose(environment_here(), problem_of(4096), as_it_is).has_value());
}

TEST_CASE("the fallbacks are taken in the order of Provenance") {
  Environment here = environment_here();
  Problem problem = problem_of(4096);
  struct Step {
    Trial trial;
    Provenance provenance;
    const char* explanation;
  };
  // From the worst to the best; each has a worse time than those before, so that only the order can decide.
  std::vector<Step> steps = {
      {trial_of(with([](auto& e) { e.device = "NVIDIA H100", e.sm_count = 114; }), problem_of(1024), config_of(1),
                1e-3),
       Provenance::same_arch, "measured on NVIDIA H100 (also sm_90a) on 2026-11-24 for "},
      {trial_of(with([](auto& e) { e.device = "NVIDIA H100"; }), problem, config_of(2), 2e-3), Provenance::same_arch,
       "measured on NVIDIA H100 (also sm_90a) on 2026-11-24 for "},
      {trial_of(here, problem_of(16384), config_of(4), 3e-3), Provenance::nearest_size,
       "measured on this device on 2026-11-24 for the nearest size causal/L16384"},
      {trial_of(with([](auto& e) { e.driver = "570.1"; }), problem_of(8192), config_of(8), 4e-3),
       Provenance::nearest_size, "measured on this device on 2026-11-24 for the nearest size causal/L8192"},
      {trial_of(with([](auto& e) { e.compiler = "nvrtc 12.8"; }), problem, config_of(16), 5e-3),
       Provenance::other_toolchain,
       "measured on this device on 2026-11-24 under compiler nvrtc 12.8 instead of nvrtc 13.0: 5 ms"},
      {trial_of(here, problem, config_of(32), 6e-3), Provenance::exact, "measured here on 2026-11-24: 6 ms"},
  };
  auto db = in_memory();
  for (const Step& step : steps) {
    REQUIRE(db.put(step.trial).ok());
    auto choice = db.choose(here, problem, as_it_is);
    REQUIRE(choice.has_value());
    INFO(choice->explanation);
    CHECK(choice->provenance == step.provenance);
    CHECK(choice->config == step.trial.config);
    CHECK(choice->seconds == step.trial.measurement.median);
    CHECK(choice->explanation.starts_with(step.explanation));
  }
}

TEST_CASE("each part of the toolchain may differ, the nearest toolchain first") {
  Environment here = environment_here();
  Problem problem = problem_of(4096);
  // From the farthest to the nearest.
  std::vector<Environment> others = {
      with([](auto& e) { e.policy = "hot"; }), with([](auto& e) { e.generator_digest = std::string(64, 'b'); }),
      with([](auto& e) { e.compiler = "nvrtc 12.8"; }), with([](auto& e) { e.driver = "570.1"; })};
  auto db = in_memory();
  for (std::size_t i = 0; i < others.size(); ++i) {
    REQUIRE(db.put(trial_of(others[i], problem, config_of(1 << i), 1e-3 * static_cast<double>(i + 1))).ok());
    auto choice = db.choose(here, problem, as_it_is);
    REQUIRE(choice.has_value());
    CHECK(choice->provenance == Provenance::other_toolchain);
    CHECK(choice->config == config_of(1 << i));
  }
}

TEST_CASE("another architecture or another kind of device says nothing") {
  auto db = in_memory();
  REQUIRE(db.put(trial_of(with([](auto& e) { e.arch = "sm_80"; }), problem_of(4096), config_of(1), 1e-3)).ok());
  REQUIRE(db.put(trial_of(with([](auto& e) { e.kind = "sim"; }), problem_of(4096), config_of(1), 1e-3)).ok());
  CHECK_FALSE(db.choose(environment_here(), problem_of(4096), as_it_is).has_value());
}

TEST_CASE("the nearest size is the nearest ratio of lengths, then of batch times channels") {
  Environment here = environment_here();
  auto db = in_memory();
  REQUIRE(db.put(trial_of(here, problem_of(1024), config_of(1), 1e-3)).ok());
  REQUIRE(db.put(trial_of(here, problem_of(8192), config_of(2), 9e-3)).ok());
  // 2800 is nearer to 1024 by difference, nearer to 8192 by ratio only from 2897 up.
  CHECK(db.choose(here, problem_of(2890), as_it_is)->config == config_of(1));
  CHECK(db.choose(here, problem_of(2900), as_it_is)->config == config_of(2));
  REQUIRE(db.put(trial_of(here, problem_of(8192, 1, 16), config_of(4), 1e-5)).ok());
  CHECK(db.choose(here, problem_of(8000, 2, 16), as_it_is)->config == config_of(4));
  CHECK(db.choose(here, problem_of(8000, 64, 700), as_it_is)->config == config_of(2));
}

TEST_CASE("another mode, type, precision, direction, sparsity, gate or carry is no neighbour") {
  std::vector<std::function<void(Problem&)>> changes = {
      [](Problem& p) { p.mode = Mode::circular; },
      [](Problem& p) { p.io = DataType::bf16; },
      [](Problem& p) { p.precision = Precision::f32; },
      [](Problem& p) { p.direction = Direction::backward_filter; },
      [](Problem& p) { p.kept[0] = 1; },
      [](Problem& p) { p.pregate = true; },
      [](Problem& p) { p.postgate = true; },
      [](Problem& p) { p.skip = true; },
      [](Problem& p) { p.carry = true; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    auto db = in_memory();
    Problem other = problem_of(4096);
    changes[i](other);
    REQUIRE(db.put(trial_of(environment_here(), other, config_of(1), 1e-3)).ok());
    CHECK_FALSE(db.choose(environment_here(), problem_of(2048), as_it_is).has_value());
    CHECK_FALSE(db.choose(environment_here(), problem_of(4096), as_it_is).has_value());
    Problem nearby = other;
    nearby.batch = 32;
    CHECK(db.choose(environment_here(), nearby, as_it_is)->provenance == Provenance::nearest_size);
  }
}

TEST_CASE("a candidate that cannot be adapted gives way to the next best, and to the next fallback") {
  Environment here = environment_here();
  auto db = in_memory();
  REQUIRE(db.put(trial_of(here, problem_of(4096), config_of(1), 1e-3)).ok());
  REQUIRE(db.put(trial_of(here, problem_of(4096), config_of(2), 2e-3)).ok());
  REQUIRE(db.put(trial_of(here, problem_of(2048), config_of(4), 3e-3)).ok());
  auto refuse = [](std::vector<int> warps) {
    return [warps](const KernelConfig& config) -> std::optional<KernelConfig> {
      for (int refused : warps)
        if (config.warps == refused) return std::nullopt;
      return config;
    };
  };
  auto second = db.choose(here, problem_of(4096), refuse({1}));
  REQUIRE(second.has_value());
  CHECK(second->config == config_of(2));
  CHECK(second->explanation == "measured here on 2026-11-24: 2 ms");
  auto neighbour = db.choose(here, problem_of(4096), refuse({1, 2}));
  REQUIRE(neighbour.has_value());
  CHECK(neighbour->provenance == Provenance::nearest_size);
  CHECK_FALSE(db.choose(here, problem_of(4096), refuse({1, 2, 4})).has_value());

  auto adapted = db.choose(here, problem_of(3000), [](KernelConfig config) -> std::optional<KernelConfig> {
    config.rows = 2;
    return config;
  });
  REQUIRE(adapted.has_value());
  CHECK(adapted->config.rows == 2);
  CHECK(adapted->explanation.find("adapted from p3:16x16x16/") != std::string::npos);
}

TEST_CASE("what choose() and the calibration ask is answered from one range of one index, without sorting") {
  struct Case {
    std::string_view sql;
    const char* plan;
  };
  const Case cases[] = {
      {best_trials_sql, "SEARCH trial USING INDEX trial_best (problem=? AND environment=?)\n"},
      {find_trial_sql,
       "SEARCH trial USING INDEX sqlite_autoindex_trial_1 (problem=? AND environment=? AND config=?)\n"},
      {longer_problems_sql, "SEARCH problem USING COVERING INDEX problem_family (family=? AND seqlen>?)\n"},
      {shorter_problems_sql, "SEARCH problem USING COVERING INDEX problem_family (family=? AND seqlen<?)\n"},
      {recent_trials_sql,
       "SEARCH trial USING INDEX trial_environment (environment=?)\nCORRELATED SCALAR SUBQUERY 1\nSEARCH problem "
       "USING INTEGER PRIMARY KEY (rowid=?)\n"},
  };
  auto db = open_memory_database(tuning_store());
  REQUIRE(db.ok());
  for (const Case& c : cases) {
    auto plan = db->query("EXPLAIN QUERY PLAN " + std::string(c.sql));
    std::string text;
    for (;;) {
      auto row = plan.next();
      REQUIRE(row.ok());
      if (!*row) break;
      text += plan.text(3) + "\n";
    }
    CHECK(text == c.plan);
  }
}

TEST_CASE("near problems come in the order of their distance in length, then in rows, and each once") {
  std::random_device device;
  const unsigned seed = device();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  auto db = open_memory_database(tuning_store());
  REQUIRE(db.ok());
  std::vector<std::pair<std::int64_t, Problem>> stored;
  for (int i = 0; i < 200; ++i) {
    const Problem problem = problem_of(1 << (4 + random() % 10), 1 + static_cast<std::int64_t>(random() % 8), 1);
    const auto id = make_problem(*db, problem);
    REQUIRE(id.ok());
    if (std::none_of(stored.begin(), stored.end(), [&](const auto& other) { return other.first == *id; }))
      stored.emplace_back(*id, problem);
  }
  const Problem asked = problem_of(1 << (4 + random() % 10), 3, 1);
  const auto distance = [&](const Problem& p) {
    const auto far = [](std::int64_t a, std::int64_t b) {
      return std::abs(std::log(static_cast<double>(a) / static_cast<double>(b)));
    };
    return std::pair{far(p.seqlen, asked.seqlen), far(p.batch * p.channels, asked.batch * asked.channels)};
  };
  std::sort(stored.begin(), stored.end(), [&](const auto& a, const auto& b) {
    return std::pair{distance(a.second), a.first} < std::pair{distance(b.second), b.first};
  });
  NearProblems near(*db, asked);
  for (const auto& [id, problem] : stored) {
    const auto next = near.next();
    REQUIRE(next.ok());
    REQUIRE(next->has_value());
    CHECK(**next == id);
  }
  CHECK_FALSE(near.next().value().has_value());
}

TEST_CASE("lookups in a large database, timed") {
  TemporaryDirectory directory;
  Environment here = environment_here();
  constexpr int problems = test::kSanitized ? 50 : 500, candidates = 100;
  {
    auto db = TuningDb::open(directory / "tuning.db");
    REQUIRE(db.ok());
    std::string text;
    for (int p = 0; p < problems; ++p)
      for (int c = 0; c < candidates; ++c) {
        Trial trial = trial_of(here, problem_of(256 + p), config_of(1 + c % 32, 1 + c / 32), 1e-3 + 1e-6 * c);
        text += format_line(trial) + "\n";
      }
    auto count = db->import_lines(text);
    REQUIRE(count.ok());
    CHECK(*count == problems * candidates);
  }
  using Clock = std::chrono::steady_clock;
  auto microseconds = [](Clock::duration time, int n) {
    return std::chrono::duration<double, std::micro>(time).count() / n;
  };
  auto start = Clock::now();
  auto db = TuningDb::open(directory / "tuning.db");
  REQUIRE(db.ok());
  double opened = microseconds(Clock::now() - start, 1);
  start = Clock::now();
  for (int i = 0; i < 1000; ++i) {
    auto choice = db->choose(here, problem_of(256 + i % problems), as_it_is);
    REQUIRE(choice.has_value());
    REQUIRE(choice->config == config_of(1));
  }
  double exact = microseconds(Clock::now() - start, 1000);
  start = Clock::now();
  for (int i = 0; i < 100; ++i) {
    auto choice = db->choose(here, problem_of(1000 + i), as_it_is);
    REQUIRE(choice.has_value());
    REQUIRE(choice->provenance == Provenance::nearest_size);
  }
  double nearest = microseconds(Clock::now() - start, 100);
  start = Clock::now();
  for (int i = 0; i < 1000; ++i) REQUIRE(db->find(here, problem_of(256 + i % problems), config_of(7)).has_value());
  double found = microseconds(Clock::now() - start, 1000);
  MESSAGE(fmt::format("{} trials: open {:.0f} us, choose exact {:.1f} us, nearest {:.1f} us, find {:.1f} us",
                      problems * candidates, opened, exact, nearest, found));
}
