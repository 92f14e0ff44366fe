// What one warp-wide access costs: wavefronts of shared memory (32 banks of 4 bytes) and 32-byte sectors of global
// memory.
#pragma once

#include <cstdint>

namespace fftconv::sim {

struct SharedCost {
  int wavefronts = 0;
  int ideal = 0;
};

/// `offsets` and `active` of `lanes` lanes, each asking for `bytes`. Accesses of 8 bytes go in two halves of the
/// warp, those of 16 in four quarters; lanes that ask for the same word share it.
SharedCost shared_cost(const int* offsets, std::uint32_t active, int lanes, int bytes);

/// Distinct 32-byte sectors.
int sectors(const std::uintptr_t* addresses, int count, int bytes);

}  // namespace fftconv::sim
