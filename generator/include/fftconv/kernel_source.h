// KernelSource: emitted text without includes, its entry points, and the constants they read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fftconv/device_facts.h"
#include "fftconv/kernel_config.h"
#include "fftconv/problem.h"

namespace fftconv {

/// One entry point and how to launch it. On a CPU the grid is the range of independent work items.
struct KernelEntry {
  std::string name;
  std::array<int, 3> grid{1, 1, 1};  ///< blocks
  int threads = 1;                   ///< threads of a block
  std::int64_t shared_bytes = 0;     ///< dynamic shared memory of a block (CPU: scratch bytes of a worker)
  bool operator==(const KernelEntry&) const = default;
};

/// What is done to one work item on a CPU, in this order, each pass when the one before has ended: clear and taps
/// (for a spectrum), split of level 0, 1 …, subtrees of the level after these, joins back to level 0 (for a
/// convolution). Values as in templates/cpu/shares.h.
enum class SharePass : std::int64_t { split, subtrees, join, clear, taps };

/// How several threads can share one work item. Their entries take (args, item, pass, level, first, last, scratch):
/// units first … last - 1 of a pass, on memory that is the item's and not the thread's.
struct KernelShares {
  std::string convolution;             ///< empty: items are too short for this
  std::string spectrum;                ///< the same for filters
  std::vector<std::int64_t> blocks;    ///< units of the split and of the join of level 0, 1 …
  std::vector<std::int64_t> subtrees;  ///< units of the subtrees of level 1, 2 …
  std::int64_t memory_blocks = 0;      ///< units of `clear`
  std::int64_t taps = 0;               ///< units of `taps`
  bool operator==(const KernelShares&) const = default;
};

struct KernelSource {
  Problem problem;
  KernelConfig config;
  std::string arch;  ///< what the text was emitted for
  std::string text;
  KernelEntry convolution;                  ///< reads u and the spectrum, writes y (or dk from u and dy)
  KernelEntry spectrum;                     ///< reads the filter, writes its spectrum; no name: none is needed
  KernelShares shares;                      ///< of one work item of both entries, on a CPU
  std::vector<std::string> options;         ///< compiler options
  std::vector<std::byte> tables;            ///< DFT matrices and twiddles, read by both entries
  std::int64_t spectrum_bytes = 0;          ///< all filters, in fragment order (opaque)
  std::int64_t spectrum_scratch_bytes = 0;  ///< device memory that the spectrum entry needs while it runs
  std::int64_t partitions = 1;              ///< of the filter: see emit_partitioned()
  std::int64_t history_bytes = 0;           ///< device memory of all rows' earlier blocks, where there are partitions
  int io_alignment = 1;                     ///< bytes: the addresses of u and y are multiples of it
  std::string digest;  ///< SHA-256 of text, options and arch, in hexadecimal; names the binary in the cache
};

/// The one parameter of every emitted entry point; the emitted text declares the same struct, field by field, as far
/// as it uses it.
/// A pointer that a problem does not use is null. Rows are dense (B, H, L) unless the problem says otherwise; then
/// their strides are in the last three fields.
struct KernelArgs {
  const void* u = nullptr;         ///< input, io type
  void* y = nullptr;               ///< output, io type
  const void* filter = nullptr;    ///< taps in filter_type() (spectrum entry)
  void* spectrum = nullptr;        ///< opaque filter spectrum (written by the spectrum entry, read by the other)
  void* scratch = nullptr;         ///< spectrum_scratch_bytes (spectrum entry)
  const void* tables = nullptr;    ///< KernelSource::tables on the device
  const void* pregate = nullptr;   ///< like u
  const void* postgate = nullptr;  ///< like y
  const void* skip = nullptr;      ///< fp32, one a channel
  std::int64_t batch = 0;
  std::int64_t channels = 0;
  std::int64_t seqlen = 0;
  std::int64_t filter_len = 0;
  std::int64_t filters = 0;
  const void* dy = nullptr;        ///< gradient of the output, io type (backward_filter)
  void* dk = nullptr;              ///< gradient of the filter, like the taps, written (backward_filter)
  const void* carry_in = nullptr;  ///< (B, H, Lk - 1) in filter_type() (carry); null: zeros, a stream begins
  void* carry_out = nullptr;       ///< the same of the next block; may be carry_in
  std::int64_t batch_stride = 0;   ///< as row_strides(); read only by kernels whose rows are not dense
  std::int64_t channel_stride = 0;
  std::int64_t sample_stride = 0;
  void* history = nullptr;  ///< spectra of earlier blocks, opaque, read and written (partitions)
  std::int64_t blocks = 0;  ///< earlier ones in the stream, all of which went through `history`
};

/// Emits the kernel for (problem, config): CUDA text where the config's engine is one of the mma engines, C++ for
/// the CPU device where it is `vector`. Pure: the same arguments give the same bytes.
/// Errors: unsupported (config cannot compute problem, or does not fit `device`), invalid_argument.
Result<KernelSource> emit(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);

/// The kernel for blocks of streams whose filter is longer than the block: `partitions` filters of L taps each (the
/// last one filled up with zeros), `problem` being a block's with the first of them. The taps are (filters,
/// partitions x L), their spectra partitions x as long. A block costs one transform there and one back and
/// `partitions` products of spectra; history_bytes hold the last blocks'. CPU only; error unsupported.
Result<KernelSource> emit_partitioned(const Problem& problem, const KernelConfig& config, const DeviceFacts& device,
                                      std::int64_t partitions);

/// Points of a transform whose time is that of one with `points` and `partitions` products of spectra, about.
inline std::int64_t points_worth(std::int64_t points, std::int64_t partitions) {
  return points * (7 + partitions) / 8;
}

/// Why `config` cannot compute `problem` on `device`, if it cannot. Cheap: nothing is emitted. emit() calls it.
Result<void> check_legal(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);

/// SHA-256 of every template and of the emitters' sources: a change of the generator retires what it made.
const std::string& generator_digest();

}  // namespace fftconv
