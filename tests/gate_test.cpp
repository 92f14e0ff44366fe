// The gate of a search: what a candidate must not write, and that every row is compared with fp64.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "fake_bench.h"
#include "fftconv/search.h"
#include "rows.h"
#include "test_tensors.h"

namespace fftconv {
namespace {

using Trespass = std::function<void(const KernelSource&, const KernelArgs&)>;

std::byte* bytes_of(const void* address) { return const_cast<std::byte*>(static_cast<const std::byte*>(address)); }

/// Another value at every launch: changing a bit back would undo the harm.
void spoil(std::byte* place) { *place = static_cast<std::byte>(std::to_integer<unsigned>(*place) + 1); }

/// What a search records of one candidate of eight whose convolution, or spectrum's kernel, does `harm`.
Measurement planted(const Trespass& harm, bool in_spectrum = false, const Problem& problem = small_problem()) {
  const auto plain = make_fake_device({});
  const KernelConfig culprit = ranked_configs(problem, *plain)[3];
  const Result<KernelSource> source = emit(problem, culprit, plain->facts());
  REQUIRE_MESSAGE(source, source.error().message);
  FakeScript script;
  (in_spectrum ? script.trespass_spectrum : script.trespass) = [&](const KernelConfig& config,
                                                                   const KernelArgs& args) {
    if (config == culprit) harm(*source, args);
  };
  const auto context = context_on(make_fake_device(script));
  const auto summary = search(*context, problem, {.rigor = Rigor::exhaustive, .max_trials = 8});
  REQUIRE_MESSAGE(summary, summary.error().message);
  REQUIRE(summary->winner);
  CHECK(summary->winner->config != culprit);
  CHECK(summary->failed == 1);
  Measurement found;
  found.reason = "The search has no trial of the culprit.";
  for (const Trial& trial : trials_of(*context, problem)) {
    if (trial.config == culprit) found = trial.measurement;
  }
  return found;
}

void check_refused(const Measurement& measurement, const std::string& sentence) {
  CHECK(measurement.status == TrialStatus::wrong_result);
  CHECK(measurement.reason == sentence);
}

std::string beside(const char* buffer) {
  return std::string("The kernel wrote outside its buffers, beside ") + buffer + ".";
}

}  // namespace

TEST_CASE("a convolution that writes beside its spectrum or its tables is refused, before them as behind") {
  check_refused(planted([](const KernelSource&, const KernelArgs& args) { spoil(bytes_of(args.spectrum) - 1); }),
                beside("the spectrum"));
  check_refused(planted([](const KernelSource& source, const KernelArgs& args) {
                  spoil(bytes_of(args.spectrum) + (source.spectrum_bytes));
                }),
                beside("the spectrum"));
  check_refused(planted([](const KernelSource&, const KernelArgs& args) { spoil(bytes_of(args.tables) - 1); }),
                beside("its tables"));
  check_refused(planted([](const KernelSource& source, const KernelArgs& args) {
                  spoil(bytes_of(args.tables) + (source.tables.size()));
                }),
                beside("its tables"));
}

TEST_CASE("a spectrum's kernel that writes beside its spectrum, tables or scratch memory is refused") {
  check_refused(planted([](const KernelSource&, const KernelArgs& args) { spoil(bytes_of(args.scratch) - 1); }, true),
                beside("the spectrum's scratch memory"));
  check_refused(
      planted([](const KernelSource& source,
                 const KernelArgs& args) { spoil(bytes_of(args.scratch) + (source.spectrum_scratch_bytes)); },
              true),
      beside("the spectrum's scratch memory"));
  check_refused(planted([](const KernelSource& source,
                           const KernelArgs& args) { spoil(bytes_of(args.spectrum) + (source.spectrum_bytes + 5)); },
                        true),
                beside("the spectrum"));
  check_refused(planted([](const KernelSource&, const KernelArgs& args) { spoil(bytes_of(args.tables) - 8); }, true),
                beside("its tables"));
}

TEST_CASE("a kernel that changes a byte of its tables or its spectrum is refused, though its output is right") {
  for (const bool in_spectrum : {false, true}) {
    check_refused(planted(
                      [](const KernelSource& source, const KernelArgs& args) {
                        REQUIRE(source.tables.size() > 64);
                        spoil(bytes_of(args.tables) + (source.tables.size() - 1));
                      },
                      in_spectrum),
                  "The kernel changed its input: its tables.");
  }
  for (const bool last : {false, true}) {
    check_refused(planted([last](const KernelSource& source, const KernelArgs& args) {
                    spoil(bytes_of(args.spectrum) + (last ? source.spectrum_bytes - 1 : 0));
                  }),
                  "The kernel changed its input: its spectrum.");
  }
}

TEST_CASE("a kernel that leaves its spectrum spoilt is told so, and not that its second output is wrong") {
  int launches = 0;
  const Measurement spoilt = planted([&](const KernelSource&, const KernelArgs& args) {
    if (launches++ > 0) *static_cast<std::uint16_t*>(args.y) ^= 0x4000;  // computed from it
    spoil(bytes_of(args.spectrum) + 100);
  });
  check_refused(spoilt, "The kernel changed its input: its spectrum.");
}

TEST_CASE("a kernel that is right at its first launch alone is refused") {
  int launches = 0;
  const Measurement once = planted([&](const KernelSource& source, const KernelArgs& args) {
    if (launches++ == 0) return;
    std::vector<double> row = load_row(source.problem, args.y, 1, 1);
    for (double& value : row) value *= 1.2;
    store_row(source.problem, args.y, 1, 1, row);
  });
  CHECK(once.status == TrialStatus::wrong_result);
  CHECK(once.reason.find("The first launch was right, the second was not. Relative L2 error 0.2 ") == 0);
  CHECK(once.error == doctest::Approx(0.2).epsilon(0.01));
}

TEST_CASE("a second output that is not written is refused") {
  int launches = 0;
  const Measurement once = planted([&](const KernelSource&, const KernelArgs& args) {
    if (launches++ > 0) static_cast<std::uint16_t*>(args.y)[17] = 0xffff;
  });
  CHECK(once.status == TrialStatus::wrong_result);
  CHECK(once.reason.find("never written") != std::string::npos);
}

TEST_CASE("a kernel whose rounding differs from launch to launch is not refused for it") {
  FakeScript script;
  int launches = 0;
  script.trespass = [&](const KernelConfig&, const KernelArgs& args) {
    static_cast<std::uint16_t*>(args.y)[5] ^= static_cast<std::uint16_t>(launches++ & 1);  // a last place
  };
  const auto context = context_on(make_fake_device(script));
  const auto summary = search(*context, small_problem(), {.rigor = Rigor::exhaustive, .max_trials = 4}).value();
  CHECK(summary.winner);
  CHECK(summary.failed == 0);
  CHECK(launches >= 8);
}

TEST_CASE("a write between the samples of a row, or between rows, is refused") {
  Problem problem = small_problem(64);
  for (const std::array<std::int64_t, 3>& strides : {std::array<std::int64_t, 3>{600, 200, 3}, {300, 70, 1}}) {
    problem.strides = strides;
    REQUIRE(validate(problem));
    const auto device = make_fake_device({});
    const auto tensors = TestTensors::make(*device, problem, {}).value();
    KernelArgs args;
    tensors->fill_args(args, 0);
    args.filter = tensors->filter();
    REQUIRE(tensors->poison());
    for (std::int64_t b = 0; b < 2; ++b) {
      for (std::int64_t h = 0; h < 3; ++h) {
        store_row(problem, args.y, b, h, expected_row(problem, load_inputs(problem, args, b, h)));
      }
    }
    CHECK(tensors->check().value().fault.empty());
    auto* y = static_cast<std::uint16_t*>(args.y);
    const std::int64_t between = strides[0] + strides[1] + (strides[2] > 1 ? 5 * strides[2] + 1 : 66);
    for (const std::uint16_t value : {0, 0x3c00, 0xfffe}) {
      y[between] = value;
      CHECK(tensors->check().value().fault == "The kernel wrote outside its buffers, between the samples of y.");
    }
    y[between] = 0xffff;
    CHECK(tensors->check().value().fault.empty());
  }
}

namespace {

/// Tensors of set 0 at the fake device's host addresses, with the right output.
struct Bench {
  explicit Bench(const Problem& of) : problem(of), device(make_fake_device({})) {
    auto made = TestTensors::make(*device, problem, {});
    REQUIRE_MESSAGE(made, made.error().message);
    tensors = std::move(*made);
    tensors->fill_args(args, 0);
    args.filter = tensors->filter();
    REQUIRE(tensors->poison());
    if (!reads_filter(problem)) {
      for (std::int64_t filter = 0; filter < filter_count(problem); ++filter) put(filter, gradient(filter));
      return;
    }
    for (std::int64_t row = 0; row < rows(); ++row) {
      const RowInputs inputs = inputs_of(row);
      put(row, expected_row(problem, inputs));
      if (!problem.carry) continue;
      const std::vector<double> left = expected_carry(problem, inputs);
      for (std::size_t t = 0; t < left.size(); ++t) {
        store_element(filter_type(problem), args.carry_out, row * carry_len(problem) + static_cast<std::int64_t>(t),
                      left[t]);
      }
    }
  }
  std::int64_t rows() const {
    return reads_filter(problem) ? problem.batch * problem.channels : filter_count(problem);
  }
  RowInputs inputs_of(std::int64_t row) const {
    return load_inputs(problem, args, row / problem.channels, row % problem.channels);
  }
  std::vector<double> gradient(std::int64_t filter) const {
    std::vector<double> sum(static_cast<std::size_t>(problem.filter_len));
    for (const RowId& id : rows_of_filter(problem, filter)) {
      const std::vector<double> share = expected_row(problem, inputs_of(id.b * problem.channels + id.h));
      for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += share[j];
    }
    return sum;
  }
  std::vector<double> get(std::int64_t row) const {
    if (reads_filter(problem)) return load_row(problem, args.y, row / problem.channels, row % problem.channels);
    std::vector<double> values;
    for (std::int64_t j = 0; j < problem.filter_len; ++j) {
      values.push_back(load_element(filter_type(problem), args.dk, row * problem.filter_len + j));
    }
    return values;
  }
  void put(std::int64_t row, const std::vector<double>& values) const {
    if (reads_filter(problem)) {
      store_row(problem, args.y, row / problem.channels, row % problem.channels, values);
      return;
    }
    for (std::int64_t j = 0; j < problem.filter_len; ++j) {
      store_element(filter_type(problem), args.dk, row * problem.filter_len + j, values[static_cast<std::size_t>(j)]);
    }
  }
  OutputCheck check() const {
    const Result<OutputCheck> check = tensors->check();
    REQUIRE_MESSAGE(check, check.error().message);
    return *check;
  }

  Problem problem;
  std::shared_ptr<Device> device;
  std::unique_ptr<TestTensors> tensors;
  KernelArgs args;
};

/// Rows of 2048 samples, of which 2^18 samples of fp64 convolutions are 128.
Problem many_rows() {
  Problem problem = small_problem(2048);
  problem.filter_len = 60;
  problem.batch = 20;
  problem.channels = 8;
  problem.io = DataType::f32;
  problem.precision = Precision::f32;
  return problem;
}

std::vector<Problem> kinds_of_problems() {
  std::vector<Problem> problems;
  const auto add = [&](const std::function<void(Problem&)>& change) { change(problems.emplace_back(many_rows())); };
  add([](Problem& p) { p.io = DataType::f16, p.precision = Precision::f16; });
  add([](Problem& p) { p.io = DataType::bf16, p.precision = Precision::bf16, p.mode = Mode::anticausal; });
  add([](Problem& p) { p.mode = Mode::bidirectional, p.skip = true; });
  add([](Problem& p) { p.mode = Mode::circular, p.sharing = FilterSharing::per_group, p.groups = 2; });
  add([](Problem& p) { p.sharing = FilterSharing::per_example, p.layout = Layout::blh; });
  add([](Problem& p) { p.pregate = p.postgate = p.skip = true, p.io = DataType::f64, p.precision = Precision::f64; });
  add([](Problem& p) { p.carry = p.pregate = p.postgate = p.skip = true; });
  add([](Problem& p) { p.kept[0] = 1; });
  add([](Problem& p) { p.direction = Direction::backward_input, p.pregate = true, p.strides = {36000, 4500, 2}; });
  add([](Problem& p) { p.direction = Direction::backward_filter, p.postgate = p.pregate = true; });
  add([](Problem& p) {
    p.direction = Direction::backward_filter, p.sharing = FilterSharing::per_example, p.mode = Mode::circular;
  });
  return problems;
}

}  // namespace

TEST_CASE(
    "right results of more rows than are convolved in fp64 pass, whatever the problem, and a wrong one does not") {
  std::mt19937_64 random(20240607);
  for (const Problem& problem : kinds_of_problems()) {
    CAPTURE(to_string(problem));
    REQUIRE(validate(problem));
    const Bench bench(problem);
    const OutputCheck right = bench.check();
    CHECK(right.fault.empty());
    CHECK(right.error > 0);
    CHECK(right.error <= error_budget(problem));
    for (int i = 0; i < 4; ++i) {
      const auto row = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bench.rows()));
      CAPTURE(row);
      const std::vector<double> kept = bench.get(row);
      std::vector<double> wrong = kept;
      for (double& value : wrong) value *= 1 + 5 * error_budget(problem);
      bench.put(row, wrong);
      CHECK(bench.check().fault.find("above the budget") != std::string::npos);
      bench.put(row, kept);
    }
    CHECK(bench.check().fault.empty());
    if (!problem.carry) continue;
    store_element(DataType::f32, bench.args.carry_out, 139 * carry_len(problem) + 3, 0.5);
    CHECK(bench.check().fault.find("above the budget") != std::string::npos);
  }
}

TEST_CASE("one finite wrong row of 10,000 costs a candidate its place, whichever it is and however it is wrong") {
  Problem problem = small_problem(64);
  problem.filter_len = 16;
  problem.batch = 500;
  problem.channels = 20;
  const auto device = make_fake_device({});
  const std::vector<KernelConfig> configs = ranked_configs(problem, *device);
  std::mt19937_64 random(7);
  std::int64_t row = 0;
  int manner = 0;
  FakeScript script;
  script.trespass = [&](const KernelConfig& config, const KernelArgs& args) {
    if (config != configs[1]) return;
    const std::int64_t b = row / 20, h = row % 20;
    std::vector<double> values = load_row(problem, args.y, b, h);
    if (manner == 0) values.assign(64, 0);
    if (manner == 1) values = load_row(problem, args.y, (b + 1) % 500, h);
    if (manner == 2) values = load_row(problem, args.y, b, (h + 1) % 20);
    if (manner == 3) std::reverse(values.begin(), values.end());
    if (manner == 4) values[50] += 1;
    store_row(problem, args.y, b, h, values);
  };
  const auto context = context_on(make_fake_device(script));
  const auto runner = make_runner(*context, problem, {}).value();
  CHECK(runner->prepare(configs[0])->status == TrialStatus::measured);
  for (; manner < 5; ++manner) {
    for (int i = 0; i < 3; ++i) {
      row = i == 0 ? 9'999 : static_cast<std::int64_t>(random() % 10'000);
      CAPTURE(manner);
      CAPTURE(row);
      const Measurement wrong = runner->prepare(configs[1]).value();
      CHECK(wrong.status == TrialStatus::wrong_result);
      CHECK(wrong.reason.find("above the budget") != std::string::npos);
    }
  }
  manner = -1;
  CHECK(runner->prepare(configs[1])->status == TrialStatus::measured);
}

TEST_CASE("long rows of few kinds still tell a filter, a batch item and a gate from another") {
  Problem problem = many_rows();
  problem.seqlen = 1 << 16;  // four convolutions in fp64
  problem.batch = 6;
  problem.channels = 3;
  problem.postgate = true;
  const Bench bench(problem);
  CHECK(bench.check().fault.empty());
  for (const int taken : {0, 1, 2}) {
    CAPTURE(taken);
    for (std::int64_t row = 0; row < bench.rows(); ++row) {
      RowInputs inputs = bench.inputs_of(row);
      if (taken == 0) inputs.taps = bench.inputs_of(row / 3 * 3).taps;
      if (taken == 1) inputs.u = bench.inputs_of(row % 3).u;
      if (taken == 2) inputs.postgate = bench.inputs_of(row % 3).postgate;
      bench.put(row, expected_row(problem, inputs));
    }
    CHECK(bench.check().fault.find("above the budget") != std::string::npos);
  }
}

}  // namespace fftconv
