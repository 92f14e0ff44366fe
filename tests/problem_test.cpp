#include "fftconv/problem.h"

#include <doctest/doctest.h>

#include <clocale>
#include <iomanip>
#include <locale>
#include <random>
#include <set>
#include <sstream>
#include <unordered_set>

#include "near.h"
#include "random_problem.h"

using namespace fftconv;
using test::near;

namespace {

constexpr const char* plain_text = "causal/L4096/k4096/b64/h768/io-f16/f16/forward";

Problem plain() {
  Problem p;
  p.seqlen = p.filter_len = 4096;
  p.batch = 64;
  p.channels = 768;
  p.io = DataType::f16;
  p.precision = Precision::f16;
  return p;
}

/// A refusal is one sentence that says what was wrong and what to do.
bool is_sentence(const std::string& message) {
  return message.size() > 20 && message.find('\n') == std::string::npos && message.find(';') != std::string::npos &&
         message.back() != '.';
}

void check_refused(const std::string& text) {
  CAPTURE(text);
  const auto parsed = parse_problem(text);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().code == ErrorCode::invalid_argument);
  CHECK_MESSAGE(is_sentence(parsed.error().message), parsed.error().message);
}

void check_invalid(const Problem& p, const std::string& part) {
  const auto valid = validate(p);
  REQUIRE_FALSE(valid.ok());
  CAPTURE(valid.error().message);
  CHECK(valid.error().code == ErrorCode::invalid_argument);
  CHECK(is_sentence(valid.error().message));
  CHECK(valid.error().message.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("the canonical text is the documented one") {
  CHECK(to_string(plain()) == plain_text);
  Problem p = plain();
  p.pregate = p.postgate = p.skip = true;
  p.sharing = FilterSharing::per_group;
  p.groups = 4;
  p.layout = Layout::blh;
  p.strides = {4096 * 768, 1, 768};
  p.kept = {0xff, ~0ull, 1, ~0ull};
  CHECK(to_string(p) ==
        "causal/L4096/k4096/b64/h768/io-f16/f16/forward/pregate/postgate/skip/groups-4/blh/strides-3145728,1,768"
        "/kept-ff,ffffffffffffffff,1,ffffffffffffffff");
  Problem block = plain();
  block.skip = block.carry = true;
  CHECK(to_string(block) == plain_text + std::string("/skip/carry"));
}

TEST_CASE("thousands of random problems survive the way through their text, and differ in text where they differ") {
  auto random = test::seeded();
  std::set<std::string> texts;
  std::unordered_set<Problem> problems;
  for (int i = 0; i < 20000; ++i) {
    const Problem p = test::random_problem(random);
    const std::string text = to_string(p);
    CAPTURE(text);
    const auto back = parse_problem(text);
    REQUIRE_MESSAGE(back.ok(), back.error().message);
    REQUIRE(*back == p);
    REQUIRE(std::hash<Problem>{}(*back) == std::hash<Problem>{}(p));
    texts.insert(text);
    problems.insert(p);
  }
  CHECK(texts.size() == problems.size());
}

TEST_CASE("every field is part of the hash") {
  std::set<std::size_t> hashes;
  const auto add = [&](auto change) {
    Problem p = plain();
    change(p);
    hashes.insert(std::hash<Problem>{}(p));
  };
  add([](Problem&) {});
  add([](Problem& p) { p.mode = Mode::circular; });
  add([](Problem& p) { p.seqlen = 8192; });
  add([](Problem& p) { p.filter_len = 1; });
  add([](Problem& p) { p.batch = 768, p.channels = 64; });
  add([](Problem& p) { p.batch = 1; });
  add([](Problem& p) { p.io = DataType::f32; });
  add([](Problem& p) { p.precision = Precision::f32; });
  add([](Problem& p) { p.direction = Direction::backward_input; });
  add([](Problem& p) { p.pregate = true; });
  add([](Problem& p) { p.postgate = true; });
  add([](Problem& p) { p.skip = true; });
  add([](Problem& p) { p.carry = true; });
  add([](Problem& p) { p.sharing = FilterSharing::per_group; });
  add([](Problem& p) { p.sharing = FilterSharing::per_group, p.groups = 2; });
  add([](Problem& p) { p.layout = Layout::blh; });
  add([](Problem& p) { p.strides[2] = 1; });
  add([](Problem& p) { p.kept[3] = 1; });
  CHECK(hashes.size() == 18);
}

TEST_CASE("what is not a problem's text is refused with a sentence") {
  for (const char* text : {"",
                           "/",
                           "garbage",
                           "causal",
                           "causal/L4096",
                           "causal/L4096/k4096/b64/h768/io-f16/f16",
                           "casual/L4096/k4096/b64/h768/io-f16/f16/forward",
                           "causal/4096/k4096/b64/h768/io-f16/f16/forward",
                           "causal/L/k4096/b64/h768/io-f16/f16/forward",
                           "causal/L4096x/k4096/b64/h768/io-f16/f16/forward",
                           "causal/L 4096/k4096/b64/h768/io-f16/f16/forward",
                           "causal/L+4096/k4096/b64/h768/io-f16/f16/forward",
                           "causal/L04096/k4096/b64/h768/io-f16/f16/forward",
                           "causal/L4,096/k4096/b64/h768/io-f16/f16/forward",
                           "causal/L1e3/k4/b64/h768/io-f16/f16/forward",
                           "causal/L4096/k4096/b64/h768/f16/f16/forward",
                           "causal/L4096/k4096/b64/h768/io-f64/f16/forward",
                           "causal/L4096/k4096/b64/h768/io-f16/f64/forward",
                           "causal/L4096/k4096/b64/h768/io-f16/f16/backward",
                           "Causal/L4096/k4096/b64/h768/io-f16/f16/forward"}) {
    check_refused(text);
  }
}

TEST_CASE("numbers that do not fit are refused with a sentence") {
  check_refused("causal/L99999999999999999999/k1/b1/h1/io-f16/f16/forward");
  check_refused("causal/L9223372036854775807/k1/b1/h1/io-f16/f16/forward");
  check_refused("causal/L-1/k1/b1/h1/io-f16/f16/forward");
  check_refused("causal/L4096/k1/b2147483648/h2147483648/io-f16/f16/forward");
  check_refused("causal/L16/k1/b9223372036854775807/h1/io-f16/f16/forward");
  check_refused("causal/L16/k1/b2/h2/io-f16/f16/forward/strides-9223372036854775807,9223372036854775807,1");
}

TEST_CASE("trailing, repeated, reordered or redundant text is refused with a sentence") {
  const std::string p = plain_text;
  for (const char* tail : {"/",
                           " ",
                           "x",
                           "\n",
                           "/pregate/",
                           "/skip/pregate",
                           "/skip/skip",
                           "/unknown",
                           "/groups-0",
                           "/groups-5",
                           "/groups--1",
                           "/strides-1,2",
                           "/strides-1,2,3,4",
                           "/strides-0,0,0",
                           "/kept-1,1,1",
                           "/kept-FF,1,1,1",
                           "/kept-ffffffffffffffff,ffffffffffffffff,ffffffffffffffff,ffffffffffffffff",
                           "/kept-0,1,1,1",
                           "/kept-10000000000000000,1,1,1",
                           "/groups-2/per-example"}) {
    check_refused(p + tail);
  }
  check_refused(p + std::string("\0", 1));
}

TEST_CASE("a long or unprintable text is cut and cleaned in the message") {
  const auto parsed = parse_problem(std::string(100000, '\x01'));
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().message.size() < 600);
  CHECK(parsed.error().message.find('\x01') == std::string::npos);
}

TEST_CASE("a problem that means nothing is refused, and the message names what is wrong") {
  const auto with = [](auto change) {
    Problem p = plain();
    change(p);
    return p;
  };
  check_invalid(with([](Problem& p) { p.seqlen = 0; }), "seqlen 0");
  check_invalid(with([](Problem& p) { p.seqlen = (1 << 26) + 1; }), "67108865");
  check_invalid(with([](Problem& p) { p.filter_len = 0; }), "0 taps");
  check_invalid(with([](Problem& p) { p.filter_len = 4097; }), "4097 taps");
  check_invalid(with([](Problem& p) { p.mode = Mode::bidirectional, p.filter_len = 8192; }), "8192 taps");
  check_invalid(with([](Problem& p) { p.batch = 0; }), "batch 0");
  check_invalid(with([](Problem& p) { p.carry = true, p.mode = Mode::anticausal; }), "only causal");
  check_invalid(with([](Problem& p) { p.carry = true, p.direction = Direction::backward_input; }), "only causal");
  check_invalid(with([](Problem& p) { p.carry = true, p.filter_len = 1; }), "nothing to carry");
  check_invalid(with([](Problem& p) { p.channels = -3; }), "-3 channels");
  check_invalid(with([](Problem& p) { p.batch = p.channels = 1 << 30; }), "too many");
  check_invalid(with([](Problem& p) { p.groups = 2; }), "2 groups");
  check_invalid(with([](Problem& p) { p.sharing = FilterSharing::per_group, p.groups = 7; }), "7 groups");
  check_invalid(with([](Problem& p) { p.kept[1] = 0; }), "digit 2");
  check_invalid(with([](Problem& p) { p.kept[0] = 0x10; }), "digit 1: at L = 4096 it has 4 blocks");
  check_invalid(with([](Problem& p) { p.kept[0] = 1, p.carry = true; }), "carry");
  check_invalid(with([](Problem& p) { p.strides = {-1, 4096, 1}; }), "stride -1");
  check_invalid(with([](Problem& p) { p.strides = {4096 * 768, 4096, 0}; }), "stride 0");
  check_invalid(with([](Problem& p) { p.strides = {4096 * 768, 4095, 1}; }), "overlap");
  check_invalid(with([](Problem& p) { p.strides = {1, 1, 1}; }), "overlap");
}

TEST_CASE("a bidirectional filter may have 2 L - 1 taps, strides may leave gaps or put channels last") {
  Problem p = plain();
  p.mode = Mode::bidirectional;
  p.filter_len = 8191;
  CHECK(validate(p).ok());
  p.strides = {4100 * 768, 4100, 1};
  CHECK(validate(p).ok());
  p.strides = {4096 * 768, 1, 768};
  CHECK(validate(p).ok());
  p.batch = 1;
  p.strides = {1, 1, 768};  // a dimension of one element may have any stride
  CHECK(validate(p).ok());
}

TEST_CASE("lags follow the mode, and backward_input turns them round") {
  Problem p = plain();
  p.filter_len = 6;
  const auto lags = [&](Mode mode, Direction direction) {
    p.mode = mode;
    p.direction = direction;
    return std::pair(first_lag(p), lag_step(p));
  };
  using Lags = std::pair<std::int64_t, int>;
  CHECK(lags(Mode::causal, Direction::forward) == Lags{0, 1});
  CHECK(lags(Mode::circular, Direction::forward) == Lags{0, 1});
  CHECK(lags(Mode::anticausal, Direction::forward) == Lags{0, -1});
  CHECK(lags(Mode::bidirectional, Direction::forward) == Lags{-2, 1});
  CHECK(lags(Mode::causal, Direction::backward_input) == Lags{0, -1});
  CHECK(lags(Mode::anticausal, Direction::backward_input) == Lags{0, 1});
  CHECK(lags(Mode::bidirectional, Direction::backward_input) == Lags{2, -1});
  CHECK(lags(Mode::bidirectional, Direction::backward_filter) == Lags{-2, 1});
}

TEST_CASE("the number of filters follows the sharing") {
  Problem p = plain();
  CHECK(filter_count(p) == 768);
  p.sharing = FilterSharing::per_example;
  CHECK(filter_count(p) == 64 * 768);
  p.sharing = FilterSharing::per_group;
  p.groups = 12;
  CHECK(filter_count(p) == 12);
}

TEST_CASE("the error budget joins the compute class and the rounding of the output") {
  Problem p = plain();
  CHECK(near(error_budget(p), 2.0587e-3, 1e-4));  // sqrt(2e-3^2 + 2^-22)
  p.io = DataType::f32;
  CHECK(near(error_budget(p), 2.0e-3));
  p.precision = Precision::f32;
  CHECK(near(error_budget(p), 1e-6));
  p.io = DataType::bf16;
  CHECK(near(error_budget(p), 3.90625e-3, 1e-4));  // 2^-8
  p.precision = Precision::bf16;
  CHECK(near(error_budget(p), 1.55003e-2, 1e-4));
}

namespace {
struct Grouping : std::numpunct<char> {
  char do_thousands_sep() const override { return '.'; }
  char do_decimal_point() const override { return ','; }
  std::string do_grouping() const override { return "\1"; }
};
}  // namespace

TEST_CASE("no locale changes the text or the parser") {
  const std::locale before;
  const std::string c_before = std::setlocale(LC_ALL, nullptr);
  if (!std::setlocale(LC_ALL, "de_DE.UTF-8")) MESSAGE("no locale de_DE.UTF-8 here; a C++ locale alone is tested");
  std::locale::global(std::locale(before, new Grouping));
  std::ostringstream proof;
  proof << 4096;
  const std::string text = to_string(plain());
  const auto back = parse_problem(plain_text);
  const auto refused = validate(Problem{.seqlen = 123456789, .filter_len = 1});
  std::locale::global(before);
  std::setlocale(LC_ALL, c_before.c_str());
  CHECK(proof.str() == "4.0.9.6");  // the locale was in force
  CHECK(text == plain_text);
  REQUIRE(back.ok());
  CHECK(*back == plain());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("123456789") != std::string::npos);
}
