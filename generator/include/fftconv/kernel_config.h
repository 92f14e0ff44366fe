// KernelConfig: one way to compute a problem. Self-describing text, never an index into a list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fftconv/result.h"

namespace fftconv {

/// Where a row's spectrum lives while it is computed.
enum class Strategy {
  fused,      ///< one kernel reads u and writes y; the whole row stays on one SM (or in one core's cache)
  chunked,    ///< overlap-add over blocks of a row, carry on chip
  multipass,  ///< three passes over device memory
  l2,         ///< one persistent kernel, intermediate in L2
  cluster,    ///< one thread-block cluster, intermediate in distributed shared memory
  direct,     ///< CPU: no transform, a sum over the taps; the one radix is how many samples are done at a time
};

/// The unit that does the DFT matrix products.
enum class Engine {
  mma_f16,     ///< mma.sync, fp16 operands, fp16 accumulators
  mma_f16f32,  ///< mma.sync, fp16 operands, fp32 accumulators
  mma_bf16,    ///< mma.sync, bf16 operands, fp32 accumulators
  mma_split,   ///< mma.sync, fp32 values split into two fp16 operands, three products, fp32 accumulators
  vector,      ///< CPU: fp32 fused multiply-add in vectors of the host's width
};

/// Where a table of constants is kept between the rows that use it.
enum class Residency {
  registers,  ///< loaded once per block, before the row loop
  memory,     ///< read again for each row (from L1 or L2)
};

enum class CompilerId {
  nvrtc,
  clang,
  none,  ///< CPU, "portable" in the text: a kernel built ahead of time takes the shape as parameters
};

struct KernelConfig {
  /// Radices N1 … Np of the Monarch transform, outermost digit first. Their product is the transform length M.
  std::vector<int> radices;
  Strategy strategy = Strategy::fused;
  Engine engine = Engine::mma_f16;
  int rows = 1;   ///< rows that a block (or a core) has in flight at a time, all of one channel
  int warps = 1;  ///< CUDA: warps that share one row
  int loop = 0;   ///< CUDA: groups of `rows` that one block takes one after another; 0 = the whole batch
  int depth = 1;  ///< CUDA: slots of input per row in flight; 1 = the next row is loaded after this one is done
  /// Two rows ride in one complex cyclic transform: of length L in circular mode; on the CPU also in other modes,
  /// where it is long enough that nothing wraps onto a sample.
  bool paired = false;
  Residency filter = Residency::memory;   ///< filter spectrum
  Residency twiddle = Residency::memory;  ///< per-digit DFT matrices and twiddles
  int lanes = 0;                          ///< CPU: vector width in fp32 elements
  int interleave = 0;                     ///< CPU: independent cores in flight
  bool streaming = false;                 ///< CPU: streaming stores for y
  CompilerId compiler = CompilerId::nvrtc;

  bool operator==(const KernelConfig&) const = default;
};

/// Product of the radices: the transform length M, at least seqlen.
std::int64_t transform_length(const KernelConfig& config);

/// Text such as "p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc".
/// Fields of the other kind of device are left out; the text round-trips through parse_config().
std::string to_string(const KernelConfig& config);
Result<KernelConfig> parse_config(std::string_view text);

const char* to_string(Engine engine);
const char* to_string(Strategy strategy);

}  // namespace fftconv
