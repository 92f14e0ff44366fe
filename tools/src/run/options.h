// What a person asks fftconv-run for.
#pragma once

#include <string>

#include "machine.h"

namespace fftconv::tools {

struct RunOptions {
  std::string filter, input, output;
  std::string mode = "causal";
  std::string precision;  ///< empty: f16 for f2 input, else f32
  std::string rigor = "estimate";
  double budget_s = 10;
  int rate = 0;  ///< for audio output where no input has a rate
  bool verify = false;
  bool allow_nan = false;
  bool json = false;
  MachineOptions machine;
};

}  // namespace fftconv::tools
