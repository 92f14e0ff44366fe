// The problems of search_regret: those that the model is calibrated on, and those that it is judged by.
#pragma once

#include <vector>

#include "fftconv/problem.h"

namespace fftconv::targets {

/// Half a million samples a launch: a millisecond or less on two cores. Two shapes of batch and channels share their
/// compiled kernels and are still two problems: rows side by side, pairing and streaming fare differently.
inline Problem regret_problem(Mode mode, std::int64_t seqlen, DataType io, std::int64_t batch) {
  Problem problem{.mode = mode, .seqlen = seqlen, .filter_len = seqlen, .batch = batch, .io = io};
  problem.channels = std::max<std::int64_t>(1, (1 << 19) / (seqlen * batch));
  problem.precision = Precision::f32;
  return problem;
}

struct RegretShape {
  Mode mode;
  std::int64_t seqlen;
  DataType io;
};

/// Of each shape two problems.
template <std::size_t n>
std::vector<Problem> regret_problems(const RegretShape (&shapes)[n]) {
  std::vector<Problem> problems;
  for (const RegretShape& shape : shapes) {
    for (const std::int64_t batch : {2, 8}) {
      problems.push_back(regret_problem(shape.mode, shape.seqlen, shape.io, batch));
    }
  }
  return problems;
}

/// None has a length of held_out_problems().
inline std::vector<Problem> calibration_problems() {
  return regret_problems({
      {Mode::causal, 512, DataType::f32},         {Mode::causal, 640, DataType::f32},
      {Mode::causal, 1536, DataType::f32},        {Mode::causal, 1800, DataType::bf16},
      {Mode::circular, 2048, DataType::f16},      {Mode::bidirectional, 3600, DataType::f32},
      {Mode::causal, 4096, DataType::f32},        {Mode::causal, 6000, DataType::f32},
      {Mode::circular, 7000, DataType::f32},      {Mode::causal, 9000, DataType::f32},
      {Mode::circular, 10000, DataType::f32},     {Mode::causal, 12288, DataType::f16},
      {Mode::circular, 24000, DataType::f32},     {Mode::causal, 28000, DataType::f32},
      {Mode::causal, 32768, DataType::f32},       {Mode::causal, 131072, DataType::f32},
      {Mode::bidirectional, 2700, DataType::f32}, {Mode::circular, 12500, DataType::f32},
      {Mode::circular, 15000, DataType::f32},     {Mode::circular, 25000, DataType::f32},
  });
}

inline std::vector<Problem> held_out_problems() {
  return regret_problems({
      {Mode::causal, 256, DataType::f32},
      {Mode::causal, 384, DataType::f32},
      {Mode::causal, 1000, DataType::f32},
      {Mode::causal, 1024, DataType::f32},
      {Mode::causal, 2000, DataType::f16},
      {Mode::anticausal, 3000, DataType::f32},
      {Mode::bidirectional, 4095, DataType::f32},
      {Mode::causal, 5000, DataType::bf16},
      {Mode::circular, 6144, DataType::f32},
      {Mode::causal, 8192, DataType::f32},
      {Mode::causal, 8192, DataType::f16},
      {Mode::causal, 14113, DataType::f32},
      {Mode::causal, 16384, DataType::f32},
      {Mode::circular, 20000, DataType::f32},
      {Mode::causal, 65536, DataType::f32},
  });
}

}  // namespace fftconv::targets
