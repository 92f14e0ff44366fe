// Where the rows of u, y, dy and the gates stand in memory, what a CPU kernel makes of it, and the work items and the
// scratch that follow.
#pragma once

#include <cstdint>
#include <string>

#include "fftconv/kernel_config.h"
#include "fftconv/problem.h"

namespace fftconv::cpu {

enum class RowPlaces {
  dense,     ///< (batch, channels, seqlen)
  apart,     ///< the samples of a row are neighbours, the rows stand at any strides
  gathered,  ///< the samples lie apart: rows are copied into the scratch and back, as in templates/cpu/groups.h
};
RowPlaces row_places(const Problem& problem);

/// The same in words, for the head of a kernel's text.
std::string row_places_text(const Problem& problem);

/// The rows that a work item has where they are gathered. Depends on the lengths and types, not on batch, channels or
/// strides: neither does the text.
struct RowGroup {
  std::int64_t channels = 0;   ///< at most
  std::int64_t items = 0;      ///< of each channel, at most: times the rows of an item, its examples
  std::int64_t pitch = 0;      ///< samples from one copied row to the next
  std::int64_t tensors = 0;    ///< that have copies
  std::int64_t own_bytes = 0;  ///< of a worker's scratch before the copies
  std::int64_t bytes = 0;      ///< of the copies
};
RowGroup row_group(const Problem& problem, const KernelConfig& config);

/// Whether y takes the place of u among the copies: not where a sum still reads what lies before.
bool copied_in_place(const Problem& problem, const KernelConfig& config);

/// Constants of templates/cpu/groups.h.
std::string group_constants(const Problem& problem, const KernelConfig& config);

/// Items of the convolution entry.
std::int64_t work_items(const Problem& problem, const KernelConfig& config);
/// Bytes of scratch that a worker needs for one.
std::int64_t work_scratch(const Problem& problem, const KernelConfig& config);

}  // namespace fftconv::cpu
