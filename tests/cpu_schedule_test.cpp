// How a launch is shared among threads: everything once, in an order that dependencies allow, and nobody idle.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "cpu/schedule.h"

using namespace fftconv;

namespace {

/// Of a transform of 4 x 8 x 4 x … points, 512 blocks.
KernelShares some_shares(bool third = true) {
  KernelShares shares{.convolution = "c", .spectrum = "s", .blocks = {128, 64}, .subtrees = {4, 32}};
  if (third) shares.blocks.push_back(128), shares.subtrees.push_back(128);
  shares.memory_blocks = 512;
  shares.taps = 8191;
  return shares;
}

}  // namespace

TEST_CASE("every item and every unit is in one ticket, and a pass begins when the one before has ended") {
  for (const bool convolves : {true, false}) {
    for (int threads : {1, 2, 3, 5, 16}) {
      for (std::int64_t items : {1, 2, 3, 4, 7, 50, 1001}) {
        const Schedule schedule = make_schedule(items, some_shares(), convolves, threads);
        std::vector<int> times(static_cast<std::size_t>(items));
        std::map<std::tuple<std::int64_t, SharePass, std::int64_t>, std::int64_t> units;
        std::int64_t end_before = 0;
        bool in_order = true;
        for (std::int64_t number = 0; number < schedule.tickets(); ++number) {
          const Ticket t = ticket(schedule, number);
          REQUIRE(t.first < t.last);
          in_order &= t.after <= number && number < t.end && (t.end == end_before || t.after == end_before);
          end_before = t.end;
          if (t.whole) {
            for (std::int64_t i = t.first; i < t.last; ++i) ++times[static_cast<std::size_t>(i)];
            CHECK(t.after == 0);
            continue;
          }
          std::int64_t& done = units[{t.item, t.pass->pass, t.pass->level}];
          CHECK(done == t.first);
          done = t.last;
          if (done == t.pass->units && number + 1 == t.end) times[static_cast<std::size_t>(t.item)] = 1;
        }
        CHECK(in_order);
        CHECK(end_before == schedule.tickets());
        CHECK(std::ranges::count(times, 1) == items);
        for (const auto& [what, done] : units) {
          if (std::get<1>(what) == SharePass::taps) CHECK(done == 8191);
          if (std::get<1>(what) == SharePass::clear) CHECK(done == 512);
        }
        CHECK(static_cast<std::int64_t>(units.size()) == schedule.shared * schedule.passes);
      }
    }
  }
}

TEST_CASE("whole rows come first, and the ones left over are shared") {
  const auto shared = [](std::int64_t items, int threads) {
    return make_schedule(items, some_shares(), true, threads).shared;
  };
  CHECK(shared(1, 2) == 1);
  CHECK(shared(2, 2) == 0);
  CHECK(shared(3, 2) == 1);
  CHECK(shared(64, 16) == 0);
  CHECK(shared(65, 16) == 1);
  CHECK(shared(15, 16) == 0);  // to do together what keeps nearly all busy anyhow costs more than it gives
  CHECK(shared(1, 1) == 0);
  CHECK(make_schedule(1, {}, true, 2).shared == 0);
}

TEST_CASE("as few levels are gone through together as leave subtrees for all threads") {
  const auto subtrees = [](int threads) {
    const Schedule schedule = make_schedule(1, some_shares(), true, threads);
    for (int i = 0; i < schedule.passes; ++i) {
      if (schedule.pass[i].pass == SharePass::subtrees) return schedule.pass[i].units;
    }
    return std::int64_t{0};
  };
  CHECK(subtrees(2) == 4);
  CHECK(subtrees(4) == 4);
  CHECK(subtrees(3) == 32);  // 4 on three threads would take as long as 6
  CHECK(subtrees(16) == 32);
  CHECK(subtrees(20) == 128);
}

TEST_CASE("the passes of a convolution go down and up again, those of a spectrum begin with the taps") {
  const Schedule there_and_back = make_schedule(1, some_shares(false), true, 3);
  std::vector<std::pair<SharePass, std::int64_t>> passes;
  for (int i = 0; i < there_and_back.passes; ++i) {
    passes.emplace_back(there_and_back.pass[i].pass, there_and_back.pass[i].level);
  }
  CHECK(passes == std::vector<std::pair<SharePass, std::int64_t>>{{SharePass::split, 0},
                                                                  {SharePass::split, 1},
                                                                  {SharePass::subtrees, 2},
                                                                  {SharePass::join, 1},
                                                                  {SharePass::join, 0}});
  const Schedule spectrum = make_schedule(1, some_shares(false), false, 2);
  passes.clear();
  for (int i = 0; i < spectrum.passes; ++i) passes.emplace_back(spectrum.pass[i].pass, spectrum.pass[i].level);
  CHECK(passes == std::vector<std::pair<SharePass, std::int64_t>>{
                      {SharePass::clear, 0}, {SharePass::taps, 0}, {SharePass::split, 0}, {SharePass::subtrees, 1}});
}
