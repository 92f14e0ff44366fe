#include "fftconv/measure.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "fake_bench.h"
#include "near.h"
#include "rows.h"
#include "scripted_runner.h"
#include "search/race.h"
#include "test_tensors.h"

namespace fftconv {
namespace {

constexpr double kNoDeadline = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("candidates are sampled in turn, round by round") {
  ScriptedRunner runner([](int, int) { return seconds(1); });
  auto racers = racers_of(3);
  race(runner, racers, {.min_samples = 3, .max_samples = 3}, runner.clock(), kNoDeadline);
  CHECK(runner.order == std::vector<int>{1, 2, 3, 1, 2, 3, 1, 2, 3});
}

TEST_CASE("a candidate past 1.25 times the best leaves after three rounds") {
  ScriptedRunner runner([](int rows, int) { return seconds(rows == 2 ? 1.26 : rows == 3 ? 1.24 : 1); });
  auto racers = racers_of(3);
  race(runner, racers, {}, runner.clock(), kNoDeadline);
  CHECK(racers[1].measurement.status == TrialStatus::dropped);
  CHECK(racers[1].measurement.samples.size() == 3);
  CHECK(racers[1].measurement.median == doctest::Approx(1.26));
  CHECK(racers[1].measurement.reason.find("1.26 times the median of the best") != std::string::npos);
  CHECK(racers[2].measurement.status == TrialStatus::measured);
  CHECK(racers[2].measurement.samples.size() >= 5);
}

TEST_CASE("one interrupted sample does not cost a candidate its place") {
  ScriptedRunner runner([](int rows, int call) { return seconds(rows == 1 && call == 1 ? 50 : rows); });
  auto racers = racers_of(2);
  race(runner, racers, {}, runner.clock(), kNoDeadline);
  CHECK(racers[0].measurement.status == TrialStatus::measured);
  CHECK(racers[0].measurement.median == doctest::Approx(1));
  CHECK(racers[1].measurement.status == TrialStatus::dropped);
}

TEST_CASE("a fast candidate whose first samples were mostly interrupted stays and wins") {
  ScriptedRunner runner([](int rows, int call) {
    if (rows == 1) return seconds(call == 0 || call == 2 ? 20 : 1);
    return seconds(1.2);
  });
  auto racers = racers_of(2);
  race(runner, racers, {}, runner.clock(), kNoDeadline);
  CHECK(racers[0].measurement.status == TrialStatus::measured);
  CHECK(racers[0].measurement.median == doctest::Approx(1));
  CHECK(racers[0].measurement.median < racers[1].measurement.median);
}

TEST_CASE("a race's samples are without what slowed whole rounds down") {
  ScriptedRunner runner(
      [](int rows, int call) { return seconds((call % 3 == 1 ? 1.5 : 1) * (rows == 2 ? 1.1 : 1.0)); });
  auto racers = racers_of(2);
  race(runner, racers, {.min_samples = 6, .max_samples = 6}, runner.clock(), 1e9);
  for (const double sample : racers[0].measurement.samples) CHECK(test::near(sample, 1));
  for (const double sample : racers[1].measurement.samples) CHECK(test::near(sample, 1.1));
  CHECK(test::near(racers[1].measurement.upper_quartile, 1.1));
}

TEST_CASE("a settled race ends at min_samples, a noisy one goes on to max_samples") {
  ScriptedRunner quiet([](int, int) { return seconds(1); });
  auto racers = racers_of(2);
  race(quiet, racers, {.min_samples = 5, .max_samples = 40}, quiet.clock(), kNoDeadline);
  CHECK(racers[0].measurement.samples.size() == 5);

  ScriptedRunner noisy([](int, int call) { return seconds(call % 2 ? 1.2 : 1); });
  racers = racers_of(2);
  race(noisy, racers, {.min_samples = 5, .max_samples = 12, .relative_deviation = 1e-3}, noisy.clock(), kNoDeadline);
  CHECK(racers[0].measurement.samples.size() == 12);
}

TEST_CASE("throttled samples are thrown away, counted and taken again") {
  ScriptedRunner runner([](int rows, int call) -> Result<Sample> {
    const bool throttled = rows == 1 && call % 2 == 0;
    return Sample{.seconds = throttled ? 9.0 : 1.0, .clock_hz = throttled ? 1e8 : 2e9, .throttled = throttled};
  });
  auto racers = racers_of(2);
  race(runner, racers, {.min_samples = 4, .max_samples = 4}, runner.clock(), kNoDeadline);
  CHECK(racers[0].measurement.samples == std::vector<double>{1, 1, 1, 1});
  CHECK(racers[0].measurement.throttled == 4);
  CHECK(racers[0].measurement.clock_hz == 2e9);
  CHECK(racers[1].measurement.throttled == 0);
}

TEST_CASE("a device that stays throttled ends as timed out, with the reason, and does not hang the race") {
  ScriptedRunner runner([](int, int) -> Result<Sample> { return Sample{.seconds = 1, .throttled = true}; });
  auto racers = racers_of(1);
  race(runner, racers, {.min_samples = 3, .max_samples = 3}, runner.clock(), kNoDeadline);
  CHECK(racers[0].measurement.status == TrialStatus::timed_out);
  CHECK(racers[0].measurement.reason.find("throttled") != std::string::npos);
  CHECK(racers[0].measurement.throttled == runner.calls[1]);
}

TEST_CASE("no sample is begun after the deadline") {
  ScriptedRunner runner([](int, int) { return seconds(1); });
  auto racers = racers_of(3);
  race(runner, racers, {}, runner.clock(), 5);
  CHECK(runner.order.size() == 5);
  CHECK(racers[0].measurement.samples.size() == 2);
  CHECK(racers[2].measurement.samples.size() == 1);
}

TEST_CASE("a launch that fails in the middle of a race costs that candidate alone") {
  ScriptedRunner runner([](int rows, int call) -> Result<Sample> {
    if (rows == 2 && call == 2) return Error{ErrorCode::launch_failed, "illegal address"};
    return seconds(1);
  });
  auto racers = racers_of(2);
  race(runner, racers, {}, runner.clock(), kNoDeadline);
  CHECK(racers[0].measurement.status == TrialStatus::measured);
  CHECK(racers[1].measurement.status == TrialStatus::launch_failed);
  CHECK(racers[1].measurement.reason == "illegal address");
  CHECK(runner.calls[2] == 3);
}

TEST_CASE("one that hangs is timed out, and one that prepare refused is never sampled") {
  ScriptedRunner runner([](int rows, int) -> Result<Sample> {
    if (rows == 2) return Error{ErrorCode::timeout, "no answer in 2 s"};
    return seconds(1);
  });
  auto racers = racers_of(3);
  racers[2].measurement.status = TrialStatus::wrong_result;
  race(runner, racers, {}, runner.clock(), kNoDeadline);
  CHECK(racers[1].measurement.status == TrialStatus::timed_out);
  CHECK(racers[2].measurement.status == TrialStatus::wrong_result);
  CHECK(runner.calls[3] == 0);
}

TEST_CASE("a cancelled race stops at once and keeps what it has") {
  ScriptedRunner runner([](int, int) { return seconds(1); });
  auto racers = racers_of(2);
  race(runner, racers, {}, runner.clock(), kNoDeadline, [&] { return runner.order.size() >= 3; });
  CHECK(runner.order.size() == 3);
  CHECK(racers[0].measurement.samples.size() == 2);
}

namespace {

/// The right answer for set 0, written by hand through the host addresses of the fake device.
void compute(const Problem& problem, const TestTensors& tensors) {
  KernelArgs args;
  tensors.fill_args(args, 0);
  args.filter = tensors.filter();
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    for (std::int64_t h = 0; h < problem.channels; ++h) {
      store_row(problem, args.y, b, h, expected_row(problem, load_inputs(problem, args, b, h)));
    }
  }
}

std::unique_ptr<TestTensors> tensors_for(Device& device, const Problem& problem, MeasurePolicy policy = {}) {
  auto tensors = TestTensors::make(device, problem, policy);
  REQUIRE_MESSAGE(tensors, tensors.error().message);
  REQUIRE((*tensors)->poison());
  return std::move(*tensors);
}

OutputCheck checked(TestTensors& tensors) {
  const Result<OutputCheck> check = tensors.check();
  REQUIRE_MESSAGE(check, check.error().message);
  return *check;
}

KernelArgs args_of(const TestTensors& tensors) {
  KernelArgs args;
  tensors.fill_args(args, 0);
  return args;
}

}  // namespace

TEST_CASE("a right result passes with the error of its rounding, whatever the problem") {
  const auto device = make_fake_device({});
  Problem plain = small_problem(100);
  Problem gated = plain;
  gated.pregate = gated.postgate = gated.skip = true;
  Problem grouped = plain;
  grouped.channels = 4;
  grouped.sharing = FilterSharing::per_group;
  grouped.groups = 2;
  Problem examples = plain;
  examples.sharing = FilterSharing::per_example;
  examples.mode = Mode::circular;
  Problem channels_last = gated;
  channels_last.layout = Layout::blh;
  Problem strided = plain;
  strided.strides = {1000, 210, 2};
  Problem wide = plain;
  wide.io = DataType::f32;
  wide.precision = Precision::f32;
  for (const Problem& problem : {plain, gated, grouped, examples, channels_last, strided, wide}) {
    CAPTURE(to_string(problem));
    const auto tensors = tensors_for(*device, problem);
    compute(problem, *tensors);
    const OutputCheck check = checked(*tensors);
    CHECK(check.fault.empty());
    CHECK(check.error > 0);
    CHECK(check.error <= error_budget(problem));
  }
}

TEST_CASE("an output that was never written is refused") {
  const auto device = make_fake_device({});
  const auto tensors = tensors_for(*device, small_problem());
  const OutputCheck check = checked(*tensors);
  CHECK(check.fault.find("never written") != std::string::npos);
}

TEST_CASE("an output of zeros is refused") {
  const auto device = make_fake_device({});
  const auto tensors = tensors_for(*device, small_problem());
  std::memset(args_of(*tensors).y, 0, io_bytes(small_problem()));
  const OutputCheck check = checked(*tensors);
  CHECK(check.error == doctest::Approx(1));
  CHECK(check.fault.find("above the budget") != std::string::npos);
}

TEST_CASE("one wrong row of many is refused") {
  const auto device = make_fake_device({});
  const Problem problem = small_problem();
  const auto tensors = tensors_for(*device, problem);
  compute(problem, *tensors);
  const KernelArgs args = args_of(*tensors);
  store_row(problem, args.y, 1, 2, load_row(problem, args.y, 1, 1));
  CHECK(checked(*tensors).fault.find("above the budget") != std::string::npos);
}

TEST_CASE("a value that is not finite is found wherever it lies") {
  const auto device = make_fake_device({});
  Problem problem = small_problem(2048);
  problem.batch = 64;
  problem.channels = 8;
  problem.filter_len = 3;
  const auto tensors = tensors_for(*device, problem);
  compute(problem, *tensors);
  CHECK(checked(*tensors).fault.empty());
  for (const std::int64_t place : {std::int64_t{0}, 103 * problem.seqlen + 11, 512 * problem.seqlen - 1}) {
    const double right = load_element(problem.io, args_of(*tensors).y, place);
    store_element(problem.io, args_of(*tensors).y, place, std::nan(""));
    CHECK(checked(*tensors).fault.find("not finite") != std::string::npos);
    store_element(problem.io, args_of(*tensors).y, place, right);
  }
  CHECK(checked(*tensors).fault.empty());
}

TEST_CASE("infinities and NaN are told from large and subnormal values in every type") {
  for (DataType type : {DataType::f16, DataType::bf16, DataType::f32}) {
    CAPTURE(to_string(type));
    std::vector<std::byte> bytes(100 * size_of(type));
    for (std::int64_t i = 0; i < 100; ++i) store_element(type, bytes.data(), i, i % 2 ? 60000 : -6e-8);
    CHECK(all_finite(type, bytes.data(), 100));
    for (double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
      for (std::int64_t place : {0, 57, 99}) {
        store_element(type, bytes.data(), place, bad);
        CHECK(!all_finite(type, bytes.data(), 100));
        store_element(type, bytes.data(), place, 1);
      }
    }
    CHECK(all_finite(type, bytes.data(), 100));
  }
}

TEST_CASE("a byte written before or after a buffer is found, with the buffer's name") {
  const auto device = make_fake_device({});
  const Problem problem = small_problem();
  for (const bool before : {true, false}) {
    for (const bool input : {true, false}) {
      const auto tensors = tensors_for(*device, problem);
      compute(problem, *tensors);
      const KernelArgs args = args_of(*tensors);
      auto* base = const_cast<std::byte*>(static_cast<const std::byte*>(input ? args.u : args.y));
      *(before ? base - 1 : base + io_bytes(problem)) = std::byte{0};
      const OutputCheck check = checked(*tensors);
      CHECK(check.fault.find(input ? "beside u" : "beside y") != std::string::npos);
    }
  }
}

TEST_CASE("a hot policy rotates sets that together exceed the cache, a cold one needs a single set") {
  FakeScript script;
  script.facts.arch = "sm_90a";
  script.facts.l2_bytes = 10'000;
  const auto device = make_fake_device(script);
  const Problem problem = small_problem();  // 3072 bytes of input
  const auto cold = tensors_for(*device, problem);
  CHECK(cold->sets() == 1);
  const auto hot = tensors_for(*device, problem, {.cold = false});
  CHECK(hot->sets() * io_bytes(problem) > 10'000);
  KernelArgs first;
  KernelArgs second;
  hot->fill_args(first, 0);
  hot->fill_args(second, 1);
  CHECK(first.u != second.u);
  CHECK(first.y != second.y);
}

TEST_CASE("the policy's text tells cold from hot") {
  CHECK(to_string(MeasurePolicy{.cold = true}) == "cold");
  CHECK(to_string(MeasurePolicy{.cold = false}) == "hot");
}

}  // namespace fftconv
