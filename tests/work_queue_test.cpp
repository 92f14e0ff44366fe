// The queue that searchers share, and shards of a list.
#include "scale/work_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include "random_problem.h"
#include "scale/shard.h"

namespace fftconv {
namespace {

using tools::parse_shard;
using tools::problems_of_shard;
using tools::search_weight;
using tools::Shard;

std::vector<Problem> problems_of_lengths(const std::vector<std::int64_t>& lengths) {
  std::vector<Problem> problems;
  for (const std::int64_t length : lengths) {
    Problem problem;
    problem.seqlen = problem.filter_len = length;
    problems.push_back(problem);
  }
  return problems;
}

}  // namespace

TEST_CASE("whoever dies and whenever, each problem is finished exactly once and the queue ends") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    const int count = 1 + static_cast<int>(random() % 20), searchers = 1 + static_cast<int>(random() % 8);
    std::vector<std::int64_t> lengths(static_cast<std::size_t>(count));
    std::iota(lengths.begin(), lengths.end(), 1);
    WorkQueue queue(problems_of_lengths(lengths));
    std::map<int, std::optional<Assignment>> at_work;
    for (int i = 0; i < searchers; ++i) at_work[i] = std::nullopt;
    std::map<std::size_t, int> finished;
    while (!queue.complete()) {
      REQUIRE_FALSE(at_work.empty());
      auto who = std::next(at_work.begin(), static_cast<std::ptrdiff_t>(random() % at_work.size()));
      auto& [searcher, has] = *who;
      if (!has) {
        has = queue.take(searcher);
        if (has) CHECK(has->share > 0);
        if (has) CHECK(has->share <= 1);
      } else if (at_work.size() > 1 && random() % 8 == 0) {
        if (const auto given_up = queue.lose(searcher)) ++finished[*given_up];
        at_work.erase(who);
      } else {
        CHECK(queue.finish(has->index));
        ++finished[has->index];
        has.reset();
      }
    }
    CHECK(finished.size() == lengths.size());
    for (const auto& [index, times] : finished) CHECK(times == 1);
    CHECK_FALSE(queue.take(99));
  }
}

TEST_CASE("a problem that kills its searchers is given up, not handed out for ever") {
  WorkQueue queue(problems_of_lengths({64, 128}));
  for (int i = 0; i < WorkQueue::kMostLosses; ++i) {
    REQUIRE(queue.take(i)->index == 0);
    const auto given_up = queue.lose(i);
    CHECK(given_up.has_value() == (i == WorkQueue::kMostLosses - 1));
  }
  CHECK(queue.take(7)->index == 1);
}

TEST_CASE("a searcher that was taken for dead and finishes late finishes nothing twice") {
  WorkQueue queue(problems_of_lengths({64}));
  REQUIRE(queue.take(1));
  queue.lose(1);
  REQUIRE(queue.take(2));
  CHECK(queue.finish(0));
  CHECK_FALSE(queue.finish(0));
  CHECK(queue.finished() == 1);
}

TEST_CASE("shares of the time left: all of it for one, and together no more than the searchers have") {
  WorkQueue queue(problems_of_lengths({1, 2, 3, 4}));
  queue.join(0);
  queue.join(1);
  CHECK(queue.take(0)->share == doctest::Approx(0.5));
  queue.finish(0);
  CHECK(queue.take(1)->share == doctest::Approx(2.0 / 3));
  queue.finish(1);
  queue.finish(2);
  CHECK(queue.take(0)->share == doctest::Approx(1));
}

TEST_CASE("each problem is in exactly one shard, for any number of shards") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  test::Random random(seed);
  for (int round = 0; round < 100; ++round) {
    std::vector<Problem> problems;
    for (std::uint64_t i = random() % 40; i > 0; --i) problems.push_back(test::random_problem(random));
    const int count = 1 + static_cast<int>(random() % 12);
    std::vector<std::string> all, expected;
    for (const Problem& problem : problems) expected.push_back(to_string(problem));
    for (int i = 0; i < count; ++i) {
      const std::vector<Problem> shard = problems_of_shard(problems, {i, count});
      std::size_t from = 0;
      for (const Problem& problem : shard) {
        all.push_back(to_string(problem));
        // In the order of the list.
        while (from < problems.size() && problems[from] != problem) ++from;
        CHECK(from < problems.size());
        ++from;
      }
    }
    std::sort(all.begin(), all.end());
    std::sort(expected.begin(), expected.end());
    CHECK(all == expected);
  }
}

TEST_CASE("no shard weighs more than Graham's bound allows") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::int64_t> lengths;
    for (int i = 0; i < 40; ++i) lengths.push_back(std::int64_t{1} << (random() % 23));
    const auto problems = problems_of_lengths(lengths);
    constexpr int kCount = 4;
    double total = 0, heaviest_problem = 0, heaviest_shard = 0;
    for (const Problem& problem : problems) {
      total += search_weight(problem);
      heaviest_problem = std::max(heaviest_problem, search_weight(problem));
    }
    for (int i = 0; i < kCount; ++i) {
      double weight = 0;
      for (const Problem& problem : problems_of_shard(problems, {i, kCount})) weight += search_weight(problem);
      heaviest_shard = std::max(heaviest_shard, weight);
    }
    // List scheduling: the last problem was put where least was, which is below the mean.
    CHECK(heaviest_shard <= total / kCount + heaviest_problem * (1 - 1.0 / kCount) + 1e-9);
  }
}

TEST_CASE("a shard is i/n, or that of the array task or of the rank") {
  CHECK(*parse_shard("", {}) == Shard{0, 1});
  CHECK(*parse_shard("1/1", {}) == Shard{0, 1});
  CHECK(*parse_shard("3/8", {}) == Shard{2, 8});
  CHECK(*parse_shard("auto", {.array_index = 2, .array_count = 5}) == Shard{2, 5});
  CHECK(*parse_shard("auto", {.name = "Slurm", .rank = 1, .size = 4}) == Shard{1, 4});
  CHECK(*parse_shard("auto", {.rank = 1, .size = 4, .array_index = 2, .array_count = 5}) == Shard{2, 5});
}

TEST_CASE("a shard that is none is refused in one sentence") {
  for (const char* text : {"0/4", "5/4", "-1/4", "1/0", "1", "/", "1/", "/2", "a/b", "1/2/3", "1 /2", "1.5/2", " "}) {
    CAPTURE(text);
    const auto shard = parse_shard(text, {});
    REQUIRE_FALSE(shard);
    CHECK(shard.error().code == ErrorCode::invalid_argument);
    CHECK(shard.error().message.find("2/8") != std::string::npos);
  }
  CHECK_FALSE(parse_shard("auto", {}));
  CHECK_FALSE(parse_shard("auto", {.array_index = 9, .array_count = 4}));
  CHECK_FALSE(parse_shard("auto", {.array_index = -1, .array_count = 4}));
}

}  // namespace fftconv
