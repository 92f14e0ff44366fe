// Endless streams on the CPU device, with filters shorter and longer than the block, against fp64 over many blocks.
#include <functional>

#include "cpu_support.h"
#include "fftconv/streaming.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

std::shared_ptr<Context> context(int threads = 2) {
  auto made = Context::create(*make_cpu_device(threads), {.use_disk = false});
  REQUIRE(made);
  return *made;
}

/// Whole streams of `blocks` blocks with a filter of `taps`.
Problem whole_of(const Problem& block, std::int64_t taps, std::int64_t blocks) {
  Problem whole = block;
  whole.seqlen *= blocks;
  whole.filter_len = taps;
  return whole;
}

using Push = std::function<Result<void>(const ConvolutionBuffers&)>;

/// Copies block n of every row out of a tensor of whole rows; null where there is none.
class Blocks {
 public:
  Blocks(const Problem& block, std::int64_t blocks)
      : rows_(block.batch * block.channels), blocks_(blocks), bytes_(block.seqlen * size_of(block.io)) {}

  const void* gather(const void* whole, std::int64_t n) {
    if (!whole) return nullptr;
    kept_.emplace_back(static_cast<std::size_t>(rows_) * bytes_);
    for (std::int64_t r = 0; r < rows_; ++r)
      std::memcpy(at(kept_.back().data(), r), at(whole, r * blocks_ + n), bytes_);
    return kept_.back().data();
  }
  void scatter(const void* block, void* whole, std::int64_t n) {
    for (std::int64_t r = 0; r < rows_; ++r) std::memcpy(at(whole, r * blocks_ + n), at(block, r), bytes_);
  }
  void clear() { kept_.clear(); }

 private:
  std::byte* at(void* p, std::int64_t n) const {
    return static_cast<std::byte*>(p) + static_cast<std::size_t>(n) * bytes_;
  }
  const std::byte* at(const void* p, std::int64_t n) const { return at(const_cast<void*>(p), n); }

  std::int64_t rows_, blocks_;
  std::size_t bytes_;
  std::vector<std::vector<std::byte>> kept_;
};

/// Pushes all blocks of `data`, tensors of whole streams, whose y is written.
void push_all(const Problem& block, std::int64_t blocks, const KernelArgs& whole, const Push& push) {
  Blocks part(block, blocks);
  std::vector<std::byte> y(static_cast<std::size_t>(block.batch * block.channels * block.seqlen) * size_of(block.io));
  for (std::int64_t n = 0; n < blocks; ++n) {
    const Result<void> pushed = push({.u = part.gather(whole.u, n),
                                      .y = y.data(),
                                      .pregate = part.gather(whole.pregate, n),
                                      .postgate = part.gather(whole.postgate, n),
                                      .skip = whole.skip});
    REQUIRE_MESSAGE(pushed, pushed.error().message);
    part.scatter(y.data(), whole.y, n);
    part.clear();
  }
}

StreamingConvolution stream_of(const Problem& block, const void* filter, std::int64_t taps, int threads = 2) {
  auto stream = StreamingConvolution::make(*context(threads), block, filter, taps);
  REQUIRE_MESSAGE(stream, stream.error().message);
  return std::move(stream).value();
}

void check_stream(const Problem& block, std::int64_t taps) {
  const std::int64_t blocks = (taps + block.seqlen - 1) / block.seqlen + 3;
  const Problem whole = whole_of(block, taps, blocks);
  Data data(whole);
  StreamingConvolution stream = stream_of(block, data.args().filter, taps);
  push_all(block, blocks, data.args(), [&](const ConvolutionBuffers& b) { return stream.push(b); });
  const double error = data.error();
  CHECK_MESSAGE(error <= allowed(whole), to_string(whole), " in blocks of ", block.seqlen, ": error ", error);
  CHECK(data.canaries_live());
}

Problem block_of(std::int64_t seqlen) { return make_problem(Mode::causal, seqlen, seqlen); }

}  // namespace

TEST_CASE(
    "a stream in blocks is the convolution of the whole stream, for filters shorter and longer than the block") {
  for (std::int64_t block : test::thinned<std::int64_t>({31, 2})) {
    for (std::int64_t taps : {std::int64_t{1}, block - 1, block, block + 1, 7 * block + 3, 40 * block})
      check_stream(block_of(block), taps);
  }
  check_stream(block_of(257), 7 * 257 + 3);
  check_stream(block_of(1), 5);  // nothing to carry, all in the history
}

TEST_CASE("gates, skip, types and shared filters go with filters longer than the block") {
  Problem problem = block_of(90);
  problem.pregate = problem.postgate = problem.skip = true;
  check_stream(problem, 200);
  for (DataType io : {DataType::f16, DataType::bf16}) {
    problem.io = io;
    check_stream(problem, 300);
  }
  problem.io = DataType::f64;
  problem.precision = Precision::f64;
  check_stream(problem, 400);
  Problem grouped = block_of(64);
  grouped.channels = 6;
  grouped.sharing = FilterSharing::per_group;
  grouped.groups = 2;
  check_stream(grouped, 200);
  grouped.sharing = FilterSharing::per_example;
  grouped.groups = 1;
  check_stream(grouped, 200);
}

TEST_CASE("every kind of candidate takes a filter in partitions, rows side by side and paired ones too") {
  Problem block = block_of(60);
  block.batch = 21;
  block.carry = true;
  constexpr std::int64_t partitions = 3, blocks = 5;
  const auto made = context();
  bool pairs = false, beside = false;
  for (const KernelConfig& config : some_candidates(block, device().facts(), test::kSanitized ? 6 : 12)) {
    pairs |= config.paired;
    beside |= config.rows > 1;
    const Result<Plan> plan = made->plan_partitioned(block, config, partitions);
    REQUIRE_MESSAGE(plan, plan.error().message);
    const Problem whole = whole_of(
        [&] {
          Problem p = block;
          p.carry = false;
          return p;
        }(),
        partitions * 60, blocks);
    Data data(whole);
    const auto spectrum = plan->make_spectrum(data.args().filter);
    REQUIRE(spectrum);
    std::vector<float> carry(static_cast<std::size_t>(21 * 2 * 59));
    // What is in the history of a stream that begins does not matter: no number, here.
    std::vector<float> history(static_cast<std::size_t>(plan->source().history_bytes) / sizeof(float) + 16, NAN);
    void* aligned = history.data();
    std::size_t room = history.size() * sizeof(float);
    REQUIRE(std::align(64, static_cast<std::size_t>(plan->source().history_bytes), aligned, room));
    std::int64_t n = 0;
    push_all(block, blocks, data.args(), [&](ConvolutionBuffers b) {
      b.spectrum = &*spectrum;
      b.carry_in = n > 0 ? carry.data() : nullptr;
      b.carry_out = carry.data();
      b.history = aligned;
      b.blocks = n++;
      return plan->execute(b);
    });
    CHECK_MESSAGE(data.error() <= allowed(whole), to_string(config));
  }
  CHECK(beside);
  CHECK(pairs);
}

TEST_CASE("a stream that was reset gives the same again, and any number of threads the same bytes") {
  for (const auto& [length, taps] : {std::pair<std::int64_t, std::int64_t>{700, 5000}, {20000, 50000}}) {
    Problem block = block_of(length);
    block.batch = 1;
    const std::int64_t blocks = taps / length + 2;
    Data data(whole_of(block, taps, blocks));
    std::vector<std::byte> first;
    for (int threads : {1, 3}) {
      StreamingConvolution stream = stream_of(block, data.args().filter, taps, threads);
      for (int pass = 0; pass < 2; ++pass) {
        push_all(block, blocks, data.args(), [&](const ConvolutionBuffers& b) { return stream.push(b); });
        if (first.empty()) first = data.y_bytes();
        CHECK(data.y_bytes() == first);
        stream.reset();
      }
    }
    CHECK(data.error() <= 5e-7);
  }
}

TEST_CASE("streams that cannot be are refused with a sentence") {
  const std::vector<float> filter(2 * 200, 1.0f);
  const auto made = context();
  const auto refused = [&](const Problem& problem, std::int64_t taps) {
    const auto stream = StreamingConvolution::make(*made, problem, filter.data(), taps);
    return stream.ok() ? std::string() : stream.error().message;
  };
  CHECK(refused(block_of(100), 200).empty());
  CHECK(refused(block_of(100), 0).find("taps") != std::string::npos);
  CHECK(refused(block_of(0), 10).find("seqlen") != std::string::npos);
  for (std::int64_t taps : {1, 50, 200}) {
    Problem circular = block_of(100), backward = circular;
    circular.mode = Mode::circular;
    backward.direction = Direction::backward_input;
    CHECK(refused(circular, taps).find("causal") != std::string::npos);
    CHECK(refused(backward, taps).find("forward") != std::string::npos);
  }
  // Samples that lie apart are copied, which a history of spectra knows nothing of.
  Problem last = block_of(100);
  last.layout = Layout::blh;
  CHECK(refused(last, 100).empty());
  CHECK(refused(last, 101).find("neighbouring samples") != std::string::npos);
}

TEST_CASE("a plan for a filter in partitions takes its history and no other does") {
  Problem block = block_of(64);
  block.carry = true;
  const auto made = context();
  const KernelConfig config = *cpu::default_config(block, device().facts());
  const Result<Plan> plan = made->plan_partitioned(block, config, 2), plain = made->plan_config(block, config);
  REQUIRE(plan);
  REQUIRE(plain);
  Data data(block);
  const std::vector<float> taps(2 * 2 * 64, 1.0f);
  const auto spectrum = plan->make_spectrum(taps.data()), short_spectrum = plain->make_spectrum(taps.data());
  REQUIRE(spectrum);
  REQUIRE(short_spectrum);
  const auto history = device().allocate(static_cast<std::size_t>(plan->source().history_bytes));
  REQUIRE(history);
  const KernelArgs args = data.args();
  ConvolutionBuffers buffers{.u = args.u, .y = args.y, .spectrum = &*spectrum, .carry_out = args.carry_out};
  const auto code = [](const Result<void>& result) { return result ? ErrorCode::internal : result.error().code; };
  CHECK(code(plan->execute(buffers)) == ErrorCode::invalid_argument);
  buffers.history = (*history)->data();
  CHECK(plan->execute(buffers));
  buffers.blocks = -1;
  CHECK(code(plan->execute(buffers)) == ErrorCode::invalid_argument);
  buffers.blocks = 0;
  buffers.spectrum = &*short_spectrum;
  CHECK(code(plan->execute(buffers)) == ErrorCode::invalid_argument);
  CHECK(code(plain->execute(buffers)) == ErrorCode::invalid_argument);
  CHECK(made->plan_partitioned(block, config, 0).error().code == ErrorCode::invalid_argument);
  block.filter_len = 30;
  CHECK(made->plan_partitioned(block, config, 2).error().code == ErrorCode::unsupported);
}
