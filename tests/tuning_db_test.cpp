#include "fftconv/tuning_db.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "exchange.h"
#include "fftconv/shipped.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

std::string exported(TuningDb& db) {
  std::string text;
  REQUIRE(db.export_lines(text).ok());
  return text;
}

}  // namespace

TEST_CASE("a trial comes back as it was stored, from the file and after it was opened again") {
  TemporaryDirectory directory;
  std::mt19937_64 random(11);
  std::vector<Trial> stored;
  std::map<std::string, std::size_t> by_key;
  {
    auto db = TuningDb::open(directory / "tuning.db");
    REQUIRE(db.ok());
    CHECK_FALSE(db->in_memory());
    for (int i = 0; i < 200; ++i) {
      Trial trial = random_trial(random);
      REQUIRE(db->put(trial).ok());
      stored.push_back(trial);
      by_key[to_string(trial.environment) + to_string(trial.problem) + to_string(trial.config)] = stored.size() - 1;
    }
  }
  auto db = TuningDb::open(directory / "tuning.db");
  REQUIRE(db.ok());
  for (auto [key, index] : by_key) {
    const Trial& wanted = stored[index];
    auto found = db->find(wanted.environment, wanted.problem, wanted.config);
    REQUIRE(found.has_value());
    CHECK(same(*found, wanted));
  }
  int count = 0;
  REQUIRE(db->for_each([&](const Trial&) { return ++count > 0; }).ok());
  CHECK(count == static_cast<int>(by_key.size()));
}

TEST_CASE("an error of infinity is kept") {
  auto db = in_memory();
  Trial trial = trial_of(environment_here(), problem_of(4096), config_of(8), 1e-3);
  trial.measurement.status = TrialStatus::wrong_result;
  trial.measurement.error = std::numeric_limits<double>::infinity();
  REQUIRE(db.put(trial).ok());
  CHECK(same(db.find(trial.environment, trial.problem, trial.config).value(), trial));
}

TEST_CASE("export and import give the same database") {
  std::mt19937_64 random(12);
  auto db = in_memory();
  for (int i = 0; i < 100; ++i) REQUIRE(db.put(random_trial(random)).ok());
  std::string text = exported(db);
  auto copy = in_memory();
  auto count = copy.import_lines(text);
  REQUIRE(count.ok());
  CHECK(*count == static_cast<int>(std::count(text.begin(), text.end(), '\n')));
  CHECK(exported(copy) == text);
}

TEST_CASE("the winner is the fastest measured trial with a checked error, and says what it rests on") {
  auto db = in_memory();
  Environment here = environment_here();
  Problem problem = problem_of(4096);
  REQUIRE(db.put(trial_of(here, problem, config_of(8), 1.91e-3)).ok());
  REQUIRE(db.put(trial_of(here, problem, config_of(4), 1.83e-3)).ok());
  REQUIRE(db.put(trial_of(here, problem, config_of(2), 1.1e-3, -1)).ok());  // never compared with fp64
  Trial dropped = trial_of(here, problem, config_of(1), 1.0e-3);
  dropped.measurement.status = TrialStatus::dropped;
  REQUIRE(db.put(dropped).ok());
  auto choice = db.choose(here, problem, as_it_is);
  REQUIRE(choice.has_value());
  CHECK(choice->provenance == Provenance::exact);
  CHECK(choice->config == config_of(4));
  CHECK(choice->seconds == 1.83e-3);
  CHECK(choice->explanation == "measured here on 2026-11-24: 1.83 ms, 2nd best 1.91 ms");
}

TEST_CASE("a change of any field of the environment is a miss") {
  const Environment base = environment_here();
  std::vector<Environment> others(9, base);
  others[0].device += "x";
  others[1].kind = "cpu";
  others[2].arch = "sm_90";
  others[3].sm_count += 1;
  others[4].l2_bytes += 1;
  others[5].driver += ".1";
  others[6].compiler = "nvrtc 12.8";
  others[7].generator_digest.back() = 'b';
  others[8].policy = "hot";
  auto db = in_memory();
  Trial trial = trial_of(base, problem_of(4096), config_of(8), 1e-3);
  REQUIRE(db.put(trial).ok());
  REQUIRE(db.put_search(base, trial.problem, {"measure", 1, 2, 3, true}).ok());
  CHECK(db.find(base, trial.problem, trial.config).has_value());
  for (const Environment& other : others) {
    INFO(to_string(other));
    CHECK(to_string(other) != to_string(base));
    CHECK_FALSE(db.find(other, trial.problem, trial.config).has_value());
    CHECK_FALSE(db.find_search(other, trial.problem).has_value());
    CHECK(db.trials(other, trial.problem).empty());
    auto choice = db.choose(other, trial.problem, as_it_is);
    CHECK((!choice || choice->provenance != Provenance::exact));
  }
}

TEST_CASE("environments whose fields run into each other have different texts") {
  Environment a = environment_here(), b = a;
  a.device = "x/y", a.arch = "z";
  b.device = "x", b.arch = "y/z";
  CHECK(to_string(a) != to_string(b));
  a.device = "x\\", a.arch = "z";
  b.device = "x", b.arch = "\\z";
  CHECK(to_string(a) != to_string(b));
}

TEST_CASE("a change of any field of the problem is a miss") {
  const Problem base = problem_of(4096);
  std::vector<std::function<void(Problem&)>> changes = {
      [](Problem& p) { p.mode = Mode::circular; },
      [](Problem& p) { p.seqlen = 4097; },
      [](Problem& p) { p.filter_len = 4095; },
      [](Problem& p) { p.batch = 63; },
      [](Problem& p) { p.channels = 769; },
      [](Problem& p) { p.io = DataType::bf16; },
      [](Problem& p) { p.precision = Precision::bf16; },
      [](Problem& p) { p.direction = Direction::backward_input; },
      [](Problem& p) { p.pregate = true; },
      [](Problem& p) { p.postgate = true; },
      [](Problem& p) { p.skip = true; },
      [](Problem& p) { p.sharing = FilterSharing::per_example; },
      [](Problem& p) { p.sharing = FilterSharing::per_group, p.groups = 2; },
      [](Problem& p) { p.sharing = FilterSharing::per_group, p.groups = 3; },
      [](Problem& p) { p.layout = Layout::blh; },
      [](Problem& p) {
        p.strides = {1 << 24, 8192, 1};
      },
      [](Problem& p) { p.kept[1] = 0xff; },
  };
  auto db = in_memory();
  Trial trial = trial_of(environment_here(), base, config_of(8), 1e-3);
  REQUIRE(db.put(trial).ok());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Problem other = base;
    changes[i](other);
    INFO(to_string(other));
    CHECK_FALSE(db.find(trial.environment, other, trial.config).has_value());
    // Stored beside each other, each is found again.
    Trial beside = trial_of(trial.environment, other, trial.config, 1e-3 * static_cast<double>(i + 2));
    REQUIRE(db.put(beside).ok());
  }
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Problem other = base;
    changes[i](other);
    auto found = db.find(trial.environment, other, trial.config);
    REQUIRE(found.has_value());
    CHECK(found->measurement.median == 1e-3 * static_cast<double>(i + 2));
  }
  CHECK(same(db.find(trial.environment, base, trial.config).value(), trial));
}

TEST_CASE("a change of any field of the candidate is a miss") {
  KernelConfig cpu;
  cpu.radices = {16, 16, 16};
  cpu.engine = Engine::vector;
  cpu.compiler = CompilerId::clang;
  cpu.lanes = 16;
  cpu.interleave = 1;
  struct Change {
    KernelConfig base;
    std::function<void(KernelConfig&)> change;
  };
  const KernelConfig cuda = config_of(8);
  std::vector<Change> changes = {
      {cuda,
       [](KernelConfig& c) {
         c.radices = {16, 256};
       }},
      {cuda, [](KernelConfig& c) { c.strategy = Strategy::chunked; }},
      {cuda, [](KernelConfig& c) { c.engine = Engine::mma_f16f32; }},
      {cuda, [](KernelConfig& c) { c.rows = 2; }},
      {cuda, [](KernelConfig& c) { c.warps = 4; }},
      {cuda, [](KernelConfig& c) { c.loop = 3; }},
      {cuda, [](KernelConfig& c) { c.depth = 2; }},
      {cuda, [](KernelConfig& c) { c.paired = true; }},
      {cuda, [](KernelConfig& c) { c.filter = Residency::registers; }},
      {cuda, [](KernelConfig& c) { c.twiddle = Residency::registers; }},
      {cuda, [](KernelConfig& c) { c.compiler = CompilerId::clang; }},
      {cpu, [](KernelConfig& c) { c.lanes = 8; }},
      {cpu, [](KernelConfig& c) { c.interleave = 2; }},
      {cpu, [](KernelConfig& c) { c.streaming = true; }},
  };
  auto db = in_memory();
  Environment here = environment_here();
  Problem problem = problem_of(4096);
  REQUIRE(db.put(trial_of(here, problem, cuda, 1e-3)).ok());
  REQUIRE(db.put(trial_of(here, problem, cpu, 2e-3)).ok());
  for (Change& change : changes) {
    KernelConfig other = change.base;
    change.change(other);
    INFO(to_string(other));
    CHECK(db.find(here, problem, change.base).has_value());
    CHECK_FALSE(db.find(here, problem, other).has_value());
  }
}

TEST_CASE("a second trial with the same key replaces the first") {
  auto db = in_memory();
  Trial trial = trial_of(environment_here(), problem_of(4096), config_of(8), 1e-3);
  REQUIRE(db.put(trial).ok());
  trial.measurement.median = 2e-3;
  trial.unix_time += 1000;
  REQUIRE(db.put(trial).ok());
  CHECK(db.trials(trial.environment, trial.problem).size() == 1);
  CHECK(same(db.find(trial.environment, trial.problem, trial.config).value(), trial));
}

TEST_CASE("where the clock was set back, the second trial still replaces the first, here and in merges") {
  auto db = in_memory(), elsewhere = in_memory();
  Trial trial = trial_of(environment_here(), problem_of(4096), config_of(8), 1e-3);
  const std::int64_t first_time = trial.unix_time;
  REQUIRE(db.put(trial).ok());
  REQUIRE(elsewhere.merge(db).ok());
  trial.measurement.median = 2e-3;
  trial.unix_time -= 100000;
  REQUIRE(db.put(trial).ok());
  trial.unix_time = first_time + 1;
  CHECK(same(db.find(trial.environment, trial.problem, trial.config).value(), trial));
  REQUIRE(db.merge(elsewhere).ok());
  REQUIRE(elsewhere.merge(db).ok());
  for (TuningDb* either : {&db, &elsewhere})
    CHECK(same(either->find(trial.environment, trial.problem, trial.config).value(), trial));
  // A sweep is the latest by its number, and ends no earlier than it began.
  const auto older = db.begin_sweep("a=1\n").value(), newer = db.begin_sweep("a=2\n").value();
  CHECK(db.unfinished_sweep()->id == newer);
  REQUIRE(db.end_sweep(newer).ok());
  CHECK(db.unfinished_sweep()->id == older);
}

TEST_CASE("trials of a problem stand with the fastest first and failures last") {
  auto db = in_memory();
  Environment here = environment_here();
  Problem problem = problem_of(1024);
  Trial failed = trial_of(here, problem, config_of(1), 1e-9);
  failed.measurement = {};
  failed.measurement.status = TrialStatus::compile_failed;
  failed.measurement.reason = "ptxas said no";
  Trial dropped = trial_of(here, problem, config_of(2), 5e-4);
  dropped.measurement.status = TrialStatus::dropped;
  for (const Trial& trial :
       {failed, trial_of(here, problem, config_of(8), 3e-3), dropped, trial_of(here, problem, config_of(4), 1e-3)})
    REQUIRE(db.put(trial).ok());
  auto all = db.trials(here, problem);
  REQUIRE(all.size() == 4);
  CHECK(all[0].config == config_of(4));
  CHECK(all[1].config == config_of(8));
  CHECK(all[2].config == config_of(2));
  CHECK(same(all[3], failed));
}

TEST_CASE("a trial that says nothing is refused") {
  auto db = in_memory();
  Trial good = trial_of(environment_here(), problem_of(4096), config_of(8), 1e-3);
  double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::function<void(Trial&)>> changes = {
      [&](Trial& t) { t.measurement.median = nan; },
      [&](Trial& t) { t.measurement.median = 0; },
      [&](Trial& t) { t.measurement.lower_quartile = -1; },
      [&](Trial& t) { t.measurement.samples.push_back(nan); },
      [&](Trial& t) { t.measurement.error = nan; },
      [&](Trial& t) { t.measurement.status = static_cast<TrialStatus>(99); },
      [&](Trial& t) { t.config.radices.clear(); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    Trial bad = good;
    changes[i](bad);
    auto put = db.put(bad);
    REQUIRE_FALSE(put.ok());
    CHECK(put.error().code == ErrorCode::invalid_argument);
  }
  CHECK(exported(db).empty());
}

TEST_CASE("how a problem was searched comes back") {
  auto db = in_memory();
  SearchRecord record{"patient", 2.5, 900, 120, false};
  CHECK_FALSE(db.find_search(environment_here(), problem_of(512)).has_value());
  REQUIRE(db.put_search(environment_here(), problem_of(512), record).ok());
  auto found = db.find_search(environment_here(), problem_of(512));
  REQUIRE(found.has_value());
  CHECK(found->rigor == record.rigor);
  CHECK(found->budget_s == record.budget_s);
  CHECK(found->candidates == record.candidates);
  CHECK(found->measured == record.measured);
  CHECK(found->complete == record.complete);
}

TEST_CASE("merge is idempotent and does not depend on the order; the later trial wins") {
  for (unsigned seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    std::vector<TuningDb> parts;
    for (int i = 0; i < 3; ++i) {
      parts.push_back(in_memory());
      for (int n = 0; n < 60; ++n) {
        Trial trial = random_trial(random);
        trial.environment.sm_count = 132;
        trial.unix_time = 1795521600 + static_cast<int>(random() % 4);  // many equal keys, many equal times
        trial.problem.seqlen = trial.problem.filter_len = 256;
        REQUIRE(parts.back().put(trial).ok());
      }
      REQUIRE(parts.back().put_search(environment_here(), problem_of(256), {"measure", 1.0, 9, i, false}).ok());
    }
    auto forward = in_memory(), backward = in_memory();
    for (int i = 0; i < 3; ++i) REQUIRE(forward.merge(parts[i]).ok());
    for (int i = 2; i >= 0; --i) REQUIRE(backward.merge(parts[i]).ok());
    std::string text = exported(forward);
    CHECK(text == exported(backward));
    CHECK(forward.find_search(environment_here(), problem_of(256))->measured ==
          backward.find_search(environment_here(), problem_of(256))->measured);
    for (int i = 0; i < 3; ++i) {
      auto again = forward.merge(parts[i]);
      REQUIRE(again.ok());
      CHECK(*again == 0);
    }
    CHECK(exported(forward) == text);
    auto itself = forward.merge(forward);
    CHECK((itself.ok() && *itself == 0));
    REQUIRE(parts[0]
                .for_each([&](const Trial& trial) {
                  auto kept = forward.find(trial.environment, trial.problem, trial.config);
                  CHECK((kept && kept->unix_time >= trial.unix_time));
                  return true;
                })
                .ok());
  }
}

TEST_CASE("merging more than one batch takes every trial") {
  auto from = in_memory(), to = in_memory();
  std::vector<Trial> trials;
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    Trial trial = trial_of(environment_here(), problem_of(256 + i), config_of(8), 1e-3 + 1e-9 * i);
    trial.measurement.samples.clear();
    trials.push_back(trial);
    text += format_line(trial) + "\n";
  }
  REQUIRE(from.import_lines(text).ok());
  auto merged = to.merge(from);
  REQUIRE(merged.ok());
  CHECK(*merged == 5000);
  CHECK(exported(to) == exported(from));
}

TEST_CASE("numbers survive export exactly, and texts with quotes, line ends and other alphabets too") {
  auto db = in_memory(), copy = in_memory();
  Trial trial = trial_of(environment_here(), problem_of(4096), config_of(8), 0.1 + 0.2, 5e-324);
  trial.measurement.samples = {1.0 / 3, 2.2250738585072014e-308, 1.7976931348623157e308, 1e23, 9007199254740993.0};
  trial.measurement.reason = "quote \" backslash \\ line\nend \t é 漢";
  trial.environment.device = "Gerät \"1\"";
  REQUIRE(db.put(trial).ok());
  REQUIRE(copy.import_lines(exported(db)).ok());
  CHECK(same(copy.find(trial.environment, trial.problem, trial.config).value(), trial));
}

TEST_CASE("lines that are no trial are left out and told; a text without any trial is an error") {
  std::mt19937_64 random(13);
  Log log;
  auto db = std::move(TuningDb::open({}, log.callback())).value();
  std::string good = format_line(random_trial(random));
  auto replaced = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    REQUIRE(line.find(from) != std::string::npos);
    return line.replace(line.find(from), from.size(), to);
  };
  std::vector<std::string> bad = {"{",
                                  "[]",
                                  "nonsense",
                                  "{}",
                                  replaced("\"problem\":\"causal", "\"problem\":\"acausal"),
                                  replaced("\"config\":\"p3", "\"config\":\"p4"),
                                  replaced("\"status\":\"", "\"status\":\"x"),
                                  replaced("\"median\":", "\"median\":-"),
                                  replaced("\"format\":1", "\"format\":2"),
                                  replaced("\"sm_count\":1", "\"sm_count\":1000000000000000"),
                                  std::string(100000, '['),
                                  good.substr(0, good.size() / 2)};
  for (const std::string& line : bad) {
    auto alone = db.import_lines(line + "\n");
    REQUIRE_FALSE(alone.ok());
    CHECK(alone.error().code == ErrorCode::invalid_argument);
  }
  log.lines.clear();
  std::string text = "\n";
  for (const std::string& line : bad) text += line + "\r\n";
  auto count = db.import_lines(text + good);
  REQUIRE(count.ok());
  CHECK(*count == 1);
  CHECK(log.lines.size() == bad.size());
  CHECK(log.says("line 4"));
}

TEST_CASE("what ships with the library opens, is read only and stands under the user's own") {
  auto shipped_now = open_shipped();
  REQUIRE(shipped_now.ok());
  CHECK_FALSE(shipped_now->put(trial_of(environment_here(), problem_of(64), config_of(1), 1e-3)).ok());

  Environment here = environment_here();
  std::string lines[] = {format_line(trial_of(here, problem_of(1024), config_of(4), 1e-3)),
                         format_line(trial_of(here, problem_of(2048), config_of(2), 1e-3)), ""};
  std::vector<std::string_view> views(std::begin(lines), std::end(lines));
  auto shipped = TuningDb::open_lines(views);
  REQUIRE(shipped.ok());
  auto own = in_memory();
  REQUIRE(own.put(trial_of(here, problem_of(1024), config_of(8), 2e-3)).ok());

  auto mine = choose(own, *shipped, here, problem_of(1024), as_it_is);
  REQUIRE(mine.has_value());
  CHECK(mine->config == config_of(8));  // the user's own, though the shipped one says it was faster
  auto theirs = choose(own, *shipped, here, problem_of(2048), as_it_is);
  REQUIRE(theirs.has_value());
  CHECK(theirs->config == config_of(2));  // exact there, another size here
  CHECK(theirs->explanation == "shipped with the library: measured in the same environment on 2026-11-24: 1 ms");
  auto neither = choose(own, *shipped, here, problem_of(900), as_it_is);
  REQUIRE(neither.has_value());
  CHECK(neither->config == config_of(8));
}
