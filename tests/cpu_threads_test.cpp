// Kernels of the CPU device on any number of threads, and launched by several at once: always the same bytes.
#include <thread>

#include "cpu_support.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

TEST_CASE("the same input gives the same bytes, whoever runs it") {
  Problem problem = make_problem(Mode::causal, 5000, 5000);
  problem.batch = 9;
  problem.channels = 5;
  const Result<KernelConfig> config = cpu::default_config(problem, device().facts());
  REQUIRE(config);
  Data data(problem);
  const Result<Ready> ready = prepare(problem, *config, data.args());
  REQUIRE(ready);
  const KernelArgs args = ready->with(data.args());
  REQUIRE(ready->kernel->launch(ready->source.convolution, args, nullptr));
  const std::vector<std::byte> first = data.y_bytes();
  REQUIRE(ready->kernel->launch(ready->source.convolution, args, nullptr));
  CHECK(data.y_bytes() == first);

  std::vector<std::vector<std::byte>> results(4, std::vector<std::byte>(first.size()));
  std::vector<std::thread> callers;  // all at once: the pool serves one, the others help themselves
  for (auto& result : results) {
    callers.emplace_back([&] {
      KernelArgs mine = args;
      mine.y = result.data() + Data::kCanary;
      for (int i = 0; i < 20; ++i) static_cast<void>(ready->kernel->launch(ready->source.convolution, mine, nullptr));
    });
  }
  for (std::thread& caller : callers) caller.join();
  const auto body = [](const std::vector<std::byte>& y) {
    return std::vector<std::byte>(y.begin() + Data::kCanary, y.end() - Data::kCanary);
  };
  for (const auto& result : results) CHECK(body(result) == body(first));
}

namespace {

/// Runs the tasks one after another, last first.
class Backwards : public Executor {
 public:
  int threads() const override { return 3; }
  void run(Task task, void* context, int count) override {
    for (int i = count - 1; i >= 0; --i) task(context, i);
  }
};

struct Bytes {
  std::vector<std::byte> spectrum, y;
  bool operator==(const Bytes&) const = default;
};

/// What a device computes with a kernel that is compiled already.
Bytes bytes_of(const KernelSource& source, const CompiledKernel& compiled, Data& data, Device& on) {
  const auto kernel = on.load(source, compiled);
  REQUIRE(kernel);
  Bytes bytes{std::vector<std::byte>(static_cast<std::size_t>(source.spectrum_bytes), std::byte{0x5a}), {}};
  KernelArgs args = data.args();
  args.tables = source.tables.data();
  args.spectrum = bytes.spectrum.data();
  const Problem& problem = source.problem;
  const auto samples = static_cast<std::size_t>(problem.batch * problem.channels * problem.seqlen);
  std::memset(args.y, 0x5a, samples * size_of(problem.io));
  REQUIRE((*kernel)->launch(source.spectrum, args, nullptr));
  REQUIRE((*kernel)->launch(source.convolution, args, nullptr));
  CHECK(data.canaries_live());
  bytes.y = data.y_bytes();
  return bytes;
}

}  // namespace

TEST_CASE("a row that several threads share has the bytes that one thread computes, its spectrum too") {
  static const std::shared_ptr<Device> devices[] = {
      make_cpu_device(1).value(), make_cpu_device(2).value(), make_cpu_device(3).value(), make_cpu_device(7).value(),
      open_cpu_device({.threads = 3, .arch = {}, .executor = std::make_shared<Backwards>()}).value()};
  struct Row {
    Mode mode;
    std::int64_t seqlen, filter_len, batch;
    DataType io;
  };
  std::vector<Row> rows{{Mode::causal, 1 << 16, 1 << 16, 1, DataType::f32},
                        {Mode::causal, 65537, 40009, 3, DataType::f32},  // a prime: blocks that are filled in part
                        {Mode::bidirectional, 20011, 40000, 1, DataType::bf16},
                        {Mode::bidirectional, 30000, 30001, 1, DataType::f64},
                        {Mode::circular, 48000, 48000, 2, DataType::f16},
                        {Mode::anticausal, 100003, 5, 1, DataType::f32}};
  if (test::kSanitized) rows.resize(2);
  for (const Row& row : rows) {
    Problem problem = make_problem(row.mode, row.seqlen, row.filter_len, row.io);
    problem.batch = row.batch;
    problem.channels = 1;
    if (row.io == DataType::f64) problem.precision = Precision::f64;
    Data data(problem);
    const auto configs = some_candidates(problem, devices[0]->facts(), test::kSanitized ? 1 : 2);
    REQUIRE_FALSE(configs.empty());
    for (const KernelConfig& config : configs) {
      CAPTURE(to_string(problem));
      CAPTURE(to_string(config));
      const Result<KernelSource> source = cpu::emit(problem, config, devices[0]->facts());
      REQUIRE(source);
      CHECK(source->shares.convolution.empty() == (transform_length(config) * config.rows < (1 << 14)));
      const Result<CompiledKernel> compiled = devices[0]->compile(*source);
      REQUIRE(compiled);
      const Bytes alone = bytes_of(*source, *compiled, data, *devices[0]);
      for (std::size_t i = 1; i < std::size(devices); ++i) {
        CAPTURE(i);
        CHECK(bytes_of(*source, *compiled, data, *devices[i]) == alone);
      }
    }
  }
}

TEST_CASE("a shared row agrees with fp64") {
  Problem problem = make_problem(Mode::bidirectional, 30011, 30011);
  problem.batch = problem.channels = 1;
  problem.pregate = problem.postgate = problem.skip = true;
  const Result<KernelConfig> config = cpu::default_config(problem, device().facts());
  REQUIRE(config);
  CHECK(error_of(problem, *config) <= allowed(problem));
}

TEST_CASE("the number of threads is part of what a device is, and none that makes no sense is taken") {
  CHECK(make_cpu_device(3).value()->identity().sm_count == 3);
  const auto executor = std::make_shared<Backwards>();
  CHECK(open_cpu_device({.threads = 0, .arch = {}, .executor = executor}).value()->identity().sm_count == 3);
  CHECK(open_cpu_device({.threads = 2, .arch = {}, .executor = executor}).value()->identity().sm_count == 2);
  const auto more = open_cpu_device({.threads = 4, .arch = {}, .executor = executor});
  REQUIRE(!more);
  CHECK(more.error().code == ErrorCode::invalid_argument);
}
