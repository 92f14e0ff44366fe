// Kernels that move memory: for the ceilings, and to fill, poison and compare tensors on the device.
#pragma once

#include "suite/gpu.h"

namespace fftconv::gpu_suite {

// Byte counts are multiples of 16. Each takes its fields of KernelArgs as said here.

/// y[0 … batch) = u[0 … batch), bytes.
SmallKernel copy_kernel(int sm_count);
/// Reads `batch` bytes of u, `channels` times over.
SmallKernel read_kernel(int sm_count);
/// Nothing.
SmallKernel empty_kernel();
/// y[i] = random value i of stream `filters`, i < batch elements; `channels` = 0 fp16, 1 bf16, 2 fp32. Values are
/// random_value(stream, i), rounded to the type. `seqlen` > 0: times decay_value(i % seqlen, seqlen).
SmallKernel fill_kernel(int sm_count);
/// spectrum (three doubles): sum of (y - u)^2, sum of u^2, count of values of y that are not finite; `batch` elements
/// of the type `channels`.
SmallKernel compare_kernel(int sm_count);

/// What fill_kernel writes, before rounding to the type: multiples of 2^-22 in [-1, 1).
float random_value(std::uint32_t stream, std::uint64_t index);
/// A power of two that falls from near 1 / sqrt(length / 24) by 2^-7 over the length: a filter of about unit norm.
float decay_value(std::uint64_t index, std::uint64_t length);

}  // namespace fftconv::gpu_suite
