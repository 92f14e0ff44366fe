// fftconv-tune replay: what an application was seen to run is tuned, most used first.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <vector>

#include "child_process.h"
#include "fftconv/capture.h"
#include "fftconv/device.h"
#include "fftconv/plan.h"
#include "fftconv/streaming.h"
#include "fftconv/tuning_db.h"
#include "sqlite.h"
#include "tool_process.h"

using namespace fftconv;
using namespace tool_test;

namespace {

std::string problem_of(int seqlen) { return fmt::format("causal/L{0}/k{0}/b1/h2/io-f32/f32/forward", seqlen); }

struct Use {
  int seqlen, executions;
  bool streamed = false;  ///< as blocks of a stream whose filter is three blocks long
};

/// An application: a process that plans and convolves on the CPU device, told by FFTCONV_CAPTURE alone to record. Its
/// databases are its own, so that it leaves nothing behind but the capture.
void run_application(const Workplace& place, const std::vector<Use>& uses) {
  const int status = test::in_child([&] {
    ::setenv("FFTCONV_CAPTURE", place.file("captured").c_str(), 1);
    const auto device = open_device(DeviceKind::cpu);
    if (!device) return 2;
    const auto context = Context::create(*device, {.use_disk = false});
    if (!context) return 3;
    for (const Use& use : uses) {
      const Problem problem = parse_problem(problem_of(use.seqlen)).value();
      if (use.streamed) {
        const std::vector<float> long_taps(2 * 3 * use.seqlen, 0.5f), block(2 * use.seqlen, 1.0f);
        std::vector<float> out(block.size());
        auto stream = StreamingConvolution::make(**context, problem, long_taps.data(), 3 * use.seqlen);
        if (!stream) return 7;
        for (int i = 0; i < use.executions; ++i)
          if (!stream->push({.u = block.data(), .y = out.data()})) return 8;
        continue;
      }
      const auto plan = (*context)->plan(problem);
      if (!plan) return 4;
      const std::vector<float> taps(2 * use.seqlen, 0.5f), u(taps.size(), 1.0f);
      std::vector<float> y(u.size());
      const auto spectrum = plan->make_spectrum(taps.data());
      if (!spectrum) return 5;
      for (int i = 0; i < use.executions; ++i)
        if (!plan->execute({.u = u.data(), .y = y.data(), .spectrum = &*spectrum})) return 6;
    }
    return 0;
  });
  REQUIRE_MESSAGE(status == 0, "the application's step ", status);
}

/// Every trial in the order in which it came into the database.
struct Stored {
  std::string problem, config;
  std::vector<double> samples;
  bool operator==(const Stored&) const = default;
};
std::vector<Stored> stored(const Workplace& place) {
  auto database = TuningDb::open(place / "cache/tuning.db", {}, true);
  REQUIRE(database.ok());
  std::map<std::pair<std::string, std::string>, std::vector<double>> samples;
  REQUIRE(database
              ->for_each([&](const Trial& trial) {
                samples[{to_string(trial.problem), to_string(trial.config)}] = trial.measurement.samples;
                return true;
              })
              .ok());
  auto rows = sqlite::Connection::open(place.file("cache/tuning.db"), sqlite::OpenMode::read_only, 1000);
  REQUIRE(rows.ok());
  auto query = rows->query("SELECT p.text, t.config FROM trial t JOIN problem p ON p.id=t.problem ORDER BY t.id");
  std::vector<Stored> trials;
  while (query.next().value()) {
    const std::string problem = query.text(0), config = query.text(1);
    trials.push_back({problem, config, samples.at({problem, config})});
  }
  CHECK(trials.size() == samples.size());
  return trials;
}

/// Problems in the order of their first trial; none may come back once another has begun.
std::vector<std::string> order_of(const std::vector<Stored>& trials) {
  std::vector<std::string> order;
  for (const Stored& trial : trials) {
    if (!order.empty() && order.back() == trial.problem) continue;
    CHECK(std::find(order.begin(), order.end(), trial.problem) == order.end());
    order.push_back(trial.problem);
  }
  return order;
}

std::vector<std::string> problems_of(const Json& rows) {
  std::vector<std::string> problems;
  for (const Json& row : rows) problems.push_back(row["problem"]["text"].get<std::string>());
  return problems;
}

Output replay(const Workplace& place) {
  return place.run("tune", {"replay", place.file("captured"), "--device", "cpu", "--trials", "3", "--budget", "60",
                            "--in-process", "--json"});
}

}  // namespace

TEST_CASE("what two runs of an application used is tuned, most used first, answered exactly, and not tuned again") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  // Only both together make 96 the most used; 32 was planned and never run.
  run_application(place, {{64, 5}, {128, 4}, {32, 0}});
  run_application(place, {{128, 4}, {96, 9}});
  const std::vector<std::string> by_use{problem_of(96), problem_of(128), problem_of(64), problem_of(32)};

  const Output first = replay(place);
  CAPTURE(first.err);
  REQUIRE(first.status == 0);
  const Json tuned = first.json()["problems"];
  CHECK(problems_of(tuned) == by_use);
  const std::vector<Stored> trials = stored(place);
  CHECK(order_of(trials) == by_use);
  CHECK(trials.size() > by_use.size());
  for (const Json& row : tuned) CHECK(row["winner"]["measurement"]["median_s"].get<double>() > 0);

  std::vector<std::string> ask{"best", "--device", "cpu", "--json"};
  for (const std::string& problem : by_use) ask.insert(ask.end(), {"--problem", problem});
  const Output best = place.run("tune", ask);
  CAPTURE(best.err);
  REQUIRE(best.status == 0);
  const Json answers = best.json();
  REQUIRE(answers.size() == by_use.size());
  std::map<std::string, std::string> winners;
  for (const Json& row : tuned) winners[row["problem"]["text"]] = row["winner"]["config"];
  for (const Json& answer : answers) {
    CHECK(answer["provenance"] == "exact");
    CHECK(answer["config"] == winners.at(answer["problem"]["text"]));
  }

  const Output second = replay(place);
  CAPTURE(second.err);
  REQUIRE(second.status == 0);
  const Json known = second.json()["problems"];
  CHECK(problems_of(known) == by_use);
  std::size_t reused = 0;
  for (const Json& row : known) reused += row["reused"].get<std::size_t>();
  CHECK(reused == trials.size());
  CHECK(stored(place) == trials);
}

TEST_CASE("a stream with a filter longer than its blocks is tuned by the number of its blocks") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  run_application(place, {{64, 3}, {96, 9, true}, {128, 1}});
  Problem block = parse_problem(problem_of(96)).value();
  block.carry = true;
  const Output tuned = replay(place);
  CAPTURE(tuned.err);
  REQUIRE(tuned.status == 0);
  CHECK(problems_of(tuned.json()["problems"]) ==
        std::vector<std::string>{to_string(block), problem_of(64), problem_of(128)});
}

TEST_CASE("a damaged or foreign capture costs one sentence, and neither the file nor what was learnt is touched") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  run_application(place, {{64, 2}, {96, 1}});
  REQUIRE(replay(place).status == 0);
  const std::vector<Stored> trials = stored(place);
  const std::string sound = place.read("captured");
  const std::string last_line = sound.substr(sound.rfind('\n', sound.size() - 2) + 1);
  const std::string head = sound.substr(0, sound.size() - last_line.size());
  struct Damage {
    std::string text, told;
  };
  for (const Damage& damage : {Damage{head + "many" + last_line, "line 3"},
                               {head + last_line.substr(0, last_line.size() / 2), "line 3"},
                               {head + last_line + std::string("\0\x7f\xff", 3), "line 4"},
                               {"RIFF\x24", "no capture"},
                               {"", "FFTCONV_CAPTURE="}}) {
    CAPTURE(damage.text);
    place.write("captured", damage.text);
    check_refused(replay(place), 2, "tune", damage.told);
    CHECK(place.read("captured") == damage.text);
    CHECK(stored(place) == trials);
  }
  CHECK(contains(place.run("tune", {"resume"}).err, "nothing to resume"));

  place.write("captured", sound);
  CHECK(replay(place).status == 0);
}
