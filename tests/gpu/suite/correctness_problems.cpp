#include "suite/correctness_problems.h"

#include <random>
#include <utility>

namespace fftconv::gpu_suite {
namespace {

struct Types {
  DataType io;
  Precision precision;
};

constexpr Types kTypes[] = {{DataType::f16, Precision::f16},
                            {DataType::bf16, Precision::bf16},
                            {DataType::f32, Precision::f32},
                            {DataType::bf16, Precision::f16},
                            {DataType::f32, Precision::f16}};
constexpr std::size_t kFirst = 20;  ///< every mode and type at one size: always first
constexpr Mode kModes[] = {Mode::causal, Mode::circular, Mode::anticausal, Mode::bidirectional};

Problem problem(Mode mode, std::int64_t length, Types types) {
  Problem made;
  made.mode = mode;
  made.seqlen = length;
  made.filter_len = length;
  made.batch = 3;  // odd: a paired row is left over
  made.channels = 4;
  made.io = types.io;
  made.precision = types.precision;
  return made;
}

}  // namespace

std::vector<Problem> correctness_problems() {
  std::vector<Problem> all;
  // Every mode and type at a middle size and at an odd one.
  for (const std::int64_t length : {std::int64_t{1024}, std::int64_t{1000}, std::int64_t{509}}) {
    for (const Mode mode : kModes) {
      for (const Types types : kTypes) all.push_back(problem(mode, length, types));
    }
  }
  // Every size, modes and types in turn.
  int turn = 0;
  for (const std::int64_t length : {256, 512, 2048, 4096, 8192, 16384, 32768, 1,     2,     3,
                                    17,  100, 257,  1023, 3000, 4097,  6000,  10007, 20000, 30011}) {
    for (const Types types : {kTypes[0], kTypes[1], kTypes[2]}) {
      all.push_back(problem(kModes[0], length, types));
      all.push_back(problem(kModes[1], length, types));
      all.push_back(problem(kModes[2 + turn++ % 2], length, types));
    }
  }
  // Short filters, gates, skip, shared filters, the gradient of the input, other layouts.
  for (const std::int64_t length : {std::int64_t{1000}, std::int64_t{4096}}) {
    for (const Mode mode : kModes) {
      for (const Types types : {kTypes[0], kTypes[2]}) {
        Problem made = problem(mode, length, types);
        made.filter_len = length / 3;
        all.push_back(made);
        made.filter_len = 1;
        all.push_back(made);

        made = problem(mode, length, types);
        made.pregate = made.postgate = made.skip = true;
        all.push_back(made);
        made = problem(mode, length, types);
        made.skip = true;
        all.push_back(made);
        made = problem(mode, length, types);
        made.direction = Direction::backward_input;
        all.push_back(made);
        made = problem(mode, length, types);
        made.sharing = FilterSharing::per_group;
        made.groups = 2;
        all.push_back(made);
        made.sharing = FilterSharing::per_example;
        made.groups = 1;
        all.push_back(made);
        made = problem(mode, length, types);
        made.layout = Layout::blh;
        all.push_back(made);
      }
    }
  }
  for (const Mode mode : kModes) {
    Problem long_filter = problem(mode, 2000, kTypes[0]);
    if (mode == Mode::bidirectional) long_filter.filter_len = 2 * 2000 - 1;
    if (mode == Mode::bidirectional) all.push_back(long_filter);
    Problem one_row = problem(mode, 1024, kTypes[0]);
    one_row.batch = one_row.channels = 1;
    all.push_back(one_row);
    Problem many_rows = problem(mode, 256, kTypes[0]);
    many_rows.batch = 37;
    many_rows.channels = 5;
    all.push_back(many_rows);
  }
  // After the first few in an order that mixes everything, so that what is reached in time covers all of it.
  std::mt19937 random(1);
  for (std::size_t i = all.size() - 1; i > kFirst; --i) {
    std::swap(all[i], all[kFirst + random() % (i + 1 - kFirst)]);
  }
  return all;
}

}  // namespace fftconv::gpu_suite
