#include "floor.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "backend_of.h"
#include "fftconv/cost_model.h"
#include "fftconv/sparsity.h"

namespace fftconv {
namespace {

/// Operations a sample of a causal transform pair of length 2^bits with balanced radices N1 >= N2 >= … : a complex
/// stage of radix N costs 8 N a point and direction, the outermost one half of that, since its input and its output
/// are real. Order 2 to 1K, 3 to 32K, 4 beyond.
double matrix_flops_per_sample(int bits, Mode mode) {
  const int order = bits <= 10 ? 2 : bits <= 15 ? 3 : 4;
  double outermost = 0, sum = 0;
  for (int digit = 0; digit < order; ++digit) {
    const double radix = std::exp2((bits + order - 1 - digit) / order);
    outermost = std::max(outermost, radix);
    sum += radix;
  }
  // Circular rows ride two in one complex transform: every stage whole, for two rows.
  if (mode == Mode::circular) return 8 * sum;
  return 16 * sum - 8 * outermost;
}

/// The same for one row. Between powers of two: as if the radices of the lower one reached, or by padding to the
/// higher one where a higher order makes that cheaper.
double matrix_flops_per_row(std::int64_t seqlen, Mode mode) {
  const int bits = std::max(2, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(seqlen))) - 1);
  return std::min(static_cast<double>(seqlen) * matrix_flops_per_sample(bits, mode),
                  std::exp2(bits + 1) * matrix_flops_per_sample(bits + 1, mode));
}

/// fp32 operations a sample on a CPU: one a tap where they are few; else radix-4 passes of 26 and 28 fused operations
/// for 4 points (the first and the last half of that, their rows being real), and 6 for the product with the
/// spectrum. Of a frequency-sparse filter the first pass and the last are whole, the others as far as it is kept.
double vector_operations_per_sample(const Problem& p) {
  if (is_sparse(p)) {
    const double kept = static_cast<double>(kept_frequencies(p)) / static_cast<double>(sparsity_length(p));
    const double inner = std::max(0.0, std::log2(static_cast<double>(p.seqlen)) / 2 - 1);
    return (26 + 28) / 4.0 * (0.5 + inner * kept) + 6 * kept;
  }
  // In chunks a row needs transforms no longer than its filter.
  const double length = static_cast<double>(std::min(p.seqlen, p.filter_len));
  const double passes = std::max(1.0, std::log2(length) / 2);
  return std::min(static_cast<double>(p.filter_len), (26 + 28) / 4.0 * (passes - 0.5) + 6);
}

double rows_of(const Problem& p) { return static_cast<double>(p.batch) * static_cast<double>(p.channels); }

}  // namespace

double floor_bytes(const Problem& p) {
  const double samples = rows_of(p) * static_cast<double>(p.seqlen);
  const double tensors = 2 + p.pregate + p.postgate;  // u and y, dy and du, or u and dy
  // As many rows share one read of the spectrum as half a million samples on chip hold, at least 8.
  const double sharing = std::max(8.0, std::exp2(19) / static_cast<double>(p.seqlen));
  const double reads =
      p.sharing == FilterSharing::per_example ? 1 : std::max(1.0, static_cast<double>(p.batch) / sharing);
  const double tap_bytes = p.precision == Precision::f32 ? 4 : 2;
  const double filter = static_cast<double>(filter_count(p)) * static_cast<double>(p.filter_len) * tap_bytes * reads;
  return samples * tensors * static_cast<double>(size_of(p.io)) + filter;
}

double floor_matrix_flops(const Problem& p) {
  const double products = p.precision == Precision::f32 ? 3 : 1;  // split operands
  return rows_of(p) * matrix_flops_per_row(p.seqlen, p.mode) * products;
}

double dense_rate(const DeviceFacts& device, Precision precision) {
  const double mma_sync = precision == Precision::bf16  ? device.mma_bf16_flops
                          : precision == Precision::f16 ? device.mma_f16_flops
                                                        : device.mma_f16f32_flops;
  // What mma.sync reaches of the dense rate: all of it before Hopper, 62 % on an H200 (as others report), about a
  // quarter of a B200's 2,250 T, whose main path is tcgen05 (assumed).
  const double share = device.arch == "sm_90a" ? 0.62 : device.arch == "sm_100a" ? 596.0 / 2250 : 1;
  return mma_sync / share;
}

double floor_seconds(const Problem& p, const DeviceFacts& device) {
  const double memory = device.memory_bytes_per_s > 0 ? floor_bytes(p) / device.memory_bytes_per_s : 0;
  if (runs_cuda(device)) {
    const double rate = dense_rate(device, p.precision);
    return std::max(memory, rate > 0 ? floor_matrix_flops(p) / rate : 0);
  }
  // A fused multiply-add counts as two in the rate and as one operation here.
  const double operations = rows_of(p) * static_cast<double>(p.seqlen) * vector_operations_per_sample(p);
  return std::max(memory, device.fma_f32_flops > 0 ? 2 * operations / device.fma_f32_flops : 0);
}

}  // namespace fftconv
