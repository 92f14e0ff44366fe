// How one launch is shared among threads: whole work items first, then items that all threads do together, pass by
// pass. A pure function of sizes.
#pragma once

#include <array>
#include <cstdint>

#include "fftconv/kernel_source.h"

namespace fftconv {

/// A pass over one work item: see KernelShares.
struct ItemPass {
  SharePass pass = SharePass::split;
  std::int64_t level = 0;
  std::int64_t units = 0;
  std::int64_t chunk = 1;  ///< units that a thread takes at a time
  std::int64_t tickets() const { return (units + chunk - 1) / chunk; }
  bool operator==(const ItemPass&) const = default;
};

struct Schedule {
  static constexpr int kMostPasses = 9;

  std::int64_t whole = 0;   ///< items 0 … whole - 1 are done by one thread each
  std::int64_t chunk = 1;   ///< of them, neighbours that a thread takes at a time
  std::int64_t shared = 0;  ///< items from `whole` on that are done by all threads together, one after another
  int passes = 0;           ///< of a shared item
  std::array<ItemPass, kMostPasses> pass{};

  std::int64_t whole_tickets() const { return (whole + chunk - 1) / chunk; }
  std::int64_t item_tickets() const;  ///< of one shared item
  std::int64_t tickets() const { return whole_tickets() + shared * item_tickets(); }
  bool operator==(const Schedule&) const = default;
};

/// What a thread takes at a time. Tickets are numbered in the order in which they are to be begun.
struct Ticket {
  bool whole = true;
  std::int64_t item = 0;             ///< a shared one
  const ItemPass* pass = nullptr;    ///< of it
  std::int64_t first = 0, last = 0;  ///< whole items, or units of the pass
  std::int64_t after = 0;            ///< so many tickets must have ended before this one begins
  std::int64_t end = 0;              ///< when so many have ended, so has the pass
};
Ticket ticket(const Schedule& schedule, std::int64_t number);

/// Of `items` work items for `threads` threads; `shares` without names: none is shared. `convolves`: else these are
/// spectra.
Schedule make_schedule(std::int64_t items, const KernelShares& shares, bool convolves, int threads);

}  // namespace fftconv
