// A target that is measured at several lengths, of which the worst counts.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "bare_kernel.h"
#include "target.h"
#include "tuned.h"

namespace fftconv::targets {

/// One length's ratio, and what the note says of it.
struct AtLength {
  double ratio = 0;
  std::string text;
};

/// `measure(device, tuner, seqlen)` gives a Result<AtLength> on one thread of the CPU device. Reports the largest
/// ratio against `limit`, with `note` and the texts; returns the program's exit status.
template <class Measure>
int report_worst(std::string_view target, double limit, std::string note, std::span<const std::int64_t> lengths,
                 const Measure& measure) {
  const std::shared_ptr<Device> device = one_thread();
  Tuner tuner(device);
  double worst = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const Result<AtLength> at = measure(device, tuner, lengths[i]);
    if (!at) {
      fmt::print(stderr, "{}: {}\n", lengths[i], at.error().message);
      return 1;
    }
    worst = std::max(worst, at->ratio);
    note += fmt::format("{} {}: {}", i == 0 ? "" : ";", lengths[i], at->text);
  }
  return report(target, worst, Goal::at_most, limit, "1", note) ? 0 : 1;
}

}  // namespace fftconv::targets
