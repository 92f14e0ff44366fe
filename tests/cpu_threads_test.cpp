// One kernel of the CPU device launched by several threads at once.
#include <thread>

#include "cpu_support.h"

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
