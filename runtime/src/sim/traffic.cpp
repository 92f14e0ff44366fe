#include "sim/traffic.h"

#include <algorithm>
#include <array>

namespace fftconv::sim {
namespace {

constexpr int banks = 32;
constexpr int word_bytes = 4;
constexpr int phase_bytes = banks * word_bytes;
constexpr std::uintptr_t sector_bytes = 32;

// Right for offsets before the start too: such an access is reported, and counted like any other.
int bank_of(int word) { return word & (banks - 1); }

// Wavefronts of one phase: the largest number of distinct words that fall on one bank.
int phase_wavefronts(const int* offsets, int count, int bytes) {
  std::array<int, banks> first;
  first.fill(-1);
  bool repeated = false;
  const int words = std::max(1, bytes / word_bytes);
  for (int i = 0; i < count && !repeated; ++i) {
    for (int w = 0; w < words; ++w) {
      const int word = offsets[i] / word_bytes + w;
      int& seen = first[static_cast<std::size_t>(bank_of(word))];
      if (seen == -1) {
        seen = word;
      } else if (seen != word) {
        repeated = true;
      }
    }
  }
  if (!repeated) return 1;
  std::array<int, banks * 4> all;
  int total = 0;
  for (int i = 0; i < count; ++i) {
    for (int w = 0; w < words; ++w) all[static_cast<std::size_t>(total++)] = offsets[i] / word_bytes + w;
  }
  std::sort(all.begin(), all.begin() + total);
  const auto end = std::unique(all.begin(), all.begin() + total);
  std::array<int, banks> load{};
  for (auto word = all.begin(); word != end; ++word) ++load[static_cast<std::size_t>(bank_of(*word))];
  return *std::max_element(load.begin(), load.end());
}

}  // namespace

SharedCost shared_cost(const int* offsets, std::uint32_t active, int lanes, int bytes) {
  SharedCost cost;
  const int phase_lanes = std::min(lanes, phase_bytes / std::max(bytes, word_bytes));
  for (int start = 0; start < lanes; start += phase_lanes) {
    std::array<int, banks> phase;
    int count = 0;
    for (int lane = start; lane < start + phase_lanes; ++lane) {
      if (active >> lane & 1u) phase[static_cast<std::size_t>(count++)] = offsets[lane];
    }
    if (count == 0) continue;
    cost.wavefronts += phase_wavefronts(phase.data(), count, bytes);
    ++cost.ideal;
  }
  return cost;
}

int sectors(const std::uintptr_t* addresses, int count, int bytes) {
  std::array<std::uintptr_t, 64> touched;
  int total = 0;
  bool ascending = true;
  const auto add = [&](std::uintptr_t sector) {
    if (total > 0 && touched[static_cast<std::size_t>(total - 1)] == sector) return;
    if (total > 0 && touched[static_cast<std::size_t>(total - 1)] > sector) ascending = false;
    touched[static_cast<std::size_t>(total++)] = sector;
  };
  for (int i = 0; i < count; ++i) {
    const std::uintptr_t first = addresses[i] / sector_bytes;
    const std::uintptr_t last = (addresses[i] + static_cast<std::uintptr_t>(bytes) - 1) / sector_bytes;
    add(first);
    if (last != first) add(last);
  }
  if (ascending) return total;
  std::sort(touched.begin(), touched.begin() + total);
  return static_cast<int>(std::unique(touched.begin(), touched.begin() + total) - touched.begin());
}

}  // namespace fftconv::sim
