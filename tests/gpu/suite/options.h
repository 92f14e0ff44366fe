// What the suite is asked to do.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::gpu_suite {

struct Options {
  std::filesystem::path out = "gpu-suite-results";
  double budget_s = 450;        ///< for the whole run
  std::string section;          ///< empty: all
  std::string only;             ///< run the cases whose name contains this
  std::string arch = "sm_90a";  ///< for compile_only
  std::string nvrtc;            ///< file of libnvrtc; empty: searched
  std::string cufft;            ///< file of libcufft; empty: searched
  bool list = false;
  bool compile_only = false;
  bool fresh = false;  ///< drop the results that `out` holds
  bool help = false;
  bool child = false;  ///< internal: run one section's cases in this process
};

Result<Options> parse_options(const std::vector<std::string>& arguments);
const char* usage();

}  // namespace fftconv::gpu_suite
