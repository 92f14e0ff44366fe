// Tables, numbers for people, sizes as typed, problem lists and the progress bar.
#include "table.h"

#include <doctest/doctest.h>

#include <limits>

#include "problem_lists.h"
#include "progress.h"
#include "sizes.h"

using namespace fftconv;
using namespace fftconv::tools;

TEST_CASE("columns are as wide as their widest cell, and numbers stand to the right") {
  Table table({{"name"}, {"time", Align::right}});
  table.add({"a", "1.00 ms"});
  table.add({"longer", "12.3 us"});
  CHECK(table.text() ==
        "name       time\n"
        "------  -------\n"
        "a       1.00 ms\n"
        "longer  12.3 us\n");
}

TEST_CASE("missing cells are empty and lines have no trailing spaces") {
  Table table({{"a"}, {"b"}});
  table.add({"x"});
  CHECK(table.text() == "a  b\n-  -\nx\n");
}

TEST_CASE("a column of text that is not ASCII is aligned by characters") {
  CHECK(display_width("µs") == 2);
  Table table({{"u", Align::right}, {"v"}});
  table.add({"µ", "1"});
  table.add({"mm", "2"});
  CHECK(table.text() == " u  v\n--  -\n µ  1\nmm  2\n");
}

TEST_CASE("numbers show three digits with the unit that fits") {
  CHECK(show_seconds(1.234e-3) == "1.23 ms");
  CHECK(show_seconds(12.34e-6) == "12.3 us");
  CHECK(show_seconds(0.9996e-3) == "1.00 ms");
  CHECK(show_seconds(250) == "250 s");
  CHECK(show_seconds(5e-9) == "5.00 ns");
  CHECK(show_seconds(0) == "-");
  CHECK(show_rate(4.3e12) == "4.30 TB/s");
  CHECK(show_rate(12.5e9) == "12.5 GB/s");
  CHECK(show_bytes(512) == "512 B");
  CHECK(show_bytes(65536) == "64.0 KiB");
  CHECK(show_error(1.234e-7) == "1.2e-07");
  CHECK(show_error(std::numeric_limits<double>::infinity()) == "not finite");
  CHECK(show_error(-1) == "-");
  CHECK(show_ratio(1.84) == "1.84x");
}

TEST_CASE("sizes and ranges are read as documented") {
  const auto sizes = [](const char* text) {
    const auto parsed = parse_sizes(text, "seqlen");
    REQUIRE(parsed.ok());
    return *parsed;
  };
  using List = std::vector<std::int64_t>;
  CHECK(sizes("4096") == List{4096});
  CHECK(sizes("4K,1M") == List{4096, 1048576});
  CHECK(sizes("256..2K") == List{256, 512, 1024, 2048});
  CHECK(sizes("100..200:50") == List{100, 150, 200});
  CHECK(sizes("16..1024*8") == List{16, 128, 1024});
  CHECK(sizes("3..3") == List{3});
  CHECK(sizes("8,8,4..8") == List{8, 4});
}

TEST_CASE("what is not a size is refused by name") {
  for (const char* text :
       {"", "x", "4096x", "-1", "1,,2", "8..4", "1..8:0", "1..8*1", "0..8", "..", "1e3", "9999999999999G"}) {
    CAPTURE(text);
    const auto parsed = parse_sizes(text, "seqlen");
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().code == ErrorCode::invalid_argument);
    CHECK(parsed.error().message.find("seqlen") != std::string::npos);
  }
}

TEST_CASE("lists multiply into problems, without duplicates") {
  ProblemLists lists;
  lists.seqlen = "256,1K";
  lists.mode = "causal,circular";
  lists.precision = "f16,f32";
  lists.batch = "2,2";
  const auto problems = expand(lists, Precision::f32);
  REQUIRE(problems.ok());
  REQUIRE(problems->size() == 8);
  CHECK(to_string((*problems)[0]) == "causal/L256/k256/b2/h1/io-f16/f16/forward");
  CHECK(to_string((*problems)[7]) == "circular/L1024/k1024/b2/h1/io-f32/f32/forward");
}

TEST_CASE("the type in memory follows the precision unless it is given") {
  ProblemLists lists;
  lists.seqlen = "64";
  CHECK(expand_one(lists, Precision::bf16)->io == DataType::bf16);
  lists.io = "f16";
  CHECK(expand_one(lists, Precision::f32)->io == DataType::f16);
  CHECK(expand_one(lists, Precision::f32)->precision == Precision::f32);
}

TEST_CASE("canonical text and kept blocks name problems") {
  ProblemLists lists;
  lists.problems = {"causal/L64/k3/b1/h2/io-f32/f32/forward"};
  CHECK(expand_one(lists, Precision::f16)->filter_len == 3);
  lists.problems.clear();
  lists.seqlen = "64";
  lists.sparsity = {"dense", "kept-1,ffffffffffffffff,ffffffffffffffff,ffffffffffffffff"};
  const auto problems = expand(lists, Precision::f32);
  REQUIRE(problems.ok());
  REQUIRE(problems->size() == 2);
  CHECK((*problems)[1].kept[0] == 1);
}

TEST_CASE("a problem that has no meaning is refused in one sentence") {
  const auto refused = [](const auto& change, const std::string& part) {
    ProblemLists lists;
    lists.seqlen = "64";
    change(lists);
    const auto problems = expand(lists, Precision::f32);
    REQUIRE_FALSE(problems.ok());
    CAPTURE(problems.error().message);
    CHECK(problems.error().code == ErrorCode::invalid_argument);
    CHECK(problems.error().message.find(part) != std::string::npos);
  };
  refused([](ProblemLists& l) { l.seqlen = "0"; }, "seqlen 0");
  refused([](ProblemLists& l) { l.seqlen = ""; }, "--seqlen");
  refused([](ProblemLists& l) { l.filter_len = "65"; }, "65 taps");
  refused([](ProblemLists& l) { l.mode = "sideways"; }, "sideways");
  refused([](ProblemLists& l) { l.precision = "f128"; }, "f128");
  refused([](ProblemLists& l) { l.sparsity = {"half"}; }, "half");
  refused([](ProblemLists& l) { l.sparsity = {"kept-0"}; }, "kept-0");
  refused([](ProblemLists& l) { l.problems = {"nonsense"}; }, "nonsense");
  refused([](ProblemLists& l) { l.seqlen = "1..90000:1", l.batch = "1,2"; }, "more than");
}

TEST_CASE("the bar shows how far and how long, and is cut at the width") {
  CHECK(progress_bar(0, 4, -1, "a", 80) == "[------------------------] 0/4  --:-- left  a");
  CHECK(progress_bar(1, 4, 30, "a", 80) == "[######------------------] 1/4  0:30 left  a");
  CHECK(progress_bar(1.5, 4, 30, "a", 80) == "[#########---------------] 1/4  0:30 left  a");
  CHECK(progress_bar(4, 4, 0, "a", 80) == "[########################] 4/4  0:00 left  a");
  CHECK(progress_bar(1, 4, 10, "a", 10).size() == 10);
  CHECK(show_duration(3723) == "1:02:03");
}
