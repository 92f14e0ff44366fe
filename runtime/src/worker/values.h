// The values of the tuner as parts of messages.
#pragma once

#include "fftconv/compiled_kernel.h"
#include "fftconv/measure.h"
#include "worker/wire.h"

namespace fftconv::worker {

inline void put(Writer& out, const CompiledKernel& kernel) {
  out.put(kernel.format).put(kernel.binary).put(kernel.registers).put(kernel.spill_bytes);
  out.put(kernel.static_shared_bytes).put(kernel.compile_s).put(kernel.log);
}
inline CompiledKernel get_kernel(Reader& in) {
  CompiledKernel kernel;
  kernel.format = in.get<BinaryFormat>();
  kernel.binary = in.bytes();
  kernel.registers = in.get<int>();
  kernel.spill_bytes = in.get<int>();
  kernel.static_shared_bytes = in.get<std::int64_t>();
  kernel.compile_s = in.get<double>();
  kernel.log = in.text();
  return kernel;
}

/// Without samples: a worker prepares, its parent collects them.
inline void put(Writer& out, const Measurement& m) {
  out.put(m.status).put(m.reason).put(m.error).put(m.registers).put(m.spill_bytes).put(m.compile_s);
}
inline Measurement get_measurement(Reader& in) {
  Measurement m;
  m.status = in.get<TrialStatus>();
  m.reason = in.text();
  m.error = in.get<double>();
  m.registers = in.get<int>();
  m.spill_bytes = in.get<int>();
  m.compile_s = in.get<double>();
  return m;
}

inline void put(Writer& out, const MeasurePolicy& policy) { out.put(policy.cold).put(policy.seed); }
inline MeasurePolicy get_policy(Reader& in) {
  MeasurePolicy policy;
  policy.cold = in.get<bool>();
  policy.seed = in.get<std::uint64_t>();
  return policy;
}

inline void put(Writer& out, const Error& error) { out.put(error.code).put(error.message); }
inline Error get_error(Reader& in) {
  Error error;
  error.code = in.get<ErrorCode>();
  error.message = in.text();
  return error;
}

}  // namespace fftconv::worker
