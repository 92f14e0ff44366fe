// CPU kernels read and write nothing past the last sample: every tensor ends where the next page may not be touched.
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>

#include "child_process.h"
#include "cpu_support.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

/// A copy of `bytes` bytes that ends at a page without access.
class Fenced {
 public:
  Fenced(const void* source, std::size_t bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t body = (bytes + page - 1) / page * page;
    size_ = body + page;
    start_ =
        static_cast<std::byte*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(start_ != MAP_FAILED);
    REQUIRE(mprotect(start_ + body, page, PROT_NONE) == 0);
    data_ = start_ + body - bytes;
    std::memcpy(data_, source, bytes);
  }
  ~Fenced() { munmap(start_, size_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;
  std::byte* data() const { return data_; }

 private:
  std::byte* start_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

void check_fenced(const Problem& problem, const KernelConfig& config) {
  Data data(problem);
  const KernelArgs plain = data.args();
  const auto bytes =
      static_cast<std::size_t>(problem.batch * problem.channels * problem.seqlen) * size_of(problem.io);
  const Fenced u(plain.u, bytes), y(plain.y, bytes), gate(plain.postgate, bytes),
      filter(plain.filter, static_cast<std::size_t>(filter_count(problem) * problem.filter_len) * sizeof(float));
  KernelArgs args = plain;
  args.u = u.data();
  args.y = y.data();
  args.postgate = gate.data();
  args.filter = filter.data();
  const Result<Ready> ready = prepare(problem, config, args);
  REQUIRE(ready);
  REQUIRE(ready->kernel->launch(ready->source.convolution, ready->with(args), nullptr));
  REQUIRE(ready->kernel->launch(ready->source.convolution, ready->with(plain), nullptr));
  CHECK_MESSAGE(std::memcmp(y.data(), plain.y, bytes) == 0, to_string(problem), " ", to_string(config));
  CHECK(data.error() <= allowed(problem));
}

}  // namespace

TEST_CASE("a fence ends whoever passes it") {
  CHECK(test::in_child([] {
          std::signal(SIGSEGV, SIG_DFL);  // not the test program's report
          const char text[16] = "fifteen letters";
          const Fenced fenced(text, sizeof text);
          volatile auto* beyond = reinterpret_cast<volatile char*>(fenced.data() + sizeof text);
          return static_cast<int>(*beyond) * 0;
        }) == -SIGSEGV);
}

TEST_CASE("kernels stay within their tensors") {
  for (DataType io : {DataType::f32, DataType::f16}) {
    for (std::int64_t seqlen : {1, 37, 250}) {
      Problem problem = make_problem(Mode::causal, seqlen, std::min<std::int64_t>(seqlen, 9), io);
      problem.postgate = true;
      for (const KernelConfig& config : some_candidates(problem, device().facts(), 8)) check_fenced(problem, config);
    }
  }
}
