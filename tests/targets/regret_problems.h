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

inline std::vector<Problem> calibration_problems() {
  std::vector<Problem> problems;
  for (const std::int64_t seqlen : {512, 1536, 4096, 9000, 32768, 131072}) {
    problems.push_back(regret_problem(Mode::causal, seqlen, DataType::f32, 8));
  }
  problems.push_back(regret_problem(Mode::circular, 2048, DataType::f16, 8));
  return problems;
}

/// None has a length of those above.
inline std::vector<Problem> held_out_problems() {
  struct Shape {
    Mode mode;
    std::int64_t seqlen;
    DataType io;
  };
  const Shape shapes[] = {
      {Mode::causal, 256, DataType::f32},         {Mode::causal, 384, DataType::f32},
      {Mode::causal, 1000, DataType::f32},        {Mode::causal, 1024, DataType::f32},
      {Mode::causal, 2000, DataType::f16},        {Mode::anticausal, 3000, DataType::f32},
      {Mode::bidirectional, 4095, DataType::f32}, {Mode::causal, 5000, DataType::bf16},
      {Mode::circular, 6144, DataType::f32},      {Mode::causal, 8192, DataType::f32},
      {Mode::causal, 8192, DataType::f16},        {Mode::causal, 14113, DataType::f32},
      {Mode::causal, 16384, DataType::f32},       {Mode::circular, 20000, DataType::f32},
      {Mode::causal, 65536, DataType::f32},
  };
  std::vector<Problem> problems;
  for (const Shape& shape : shapes) {
    for (const std::int64_t batch : {2, 8}) {
      problems.push_back(regret_problem(shape.mode, shape.seqlen, shape.io, batch));
    }
  }
  return problems;
}

}  // namespace fftconv::targets
