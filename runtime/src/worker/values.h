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
  kernel.format = in.get(BinaryFormat::portable);
  kernel.binary = in.bytes();
  kernel.registers = in.count();
  kernel.spill_bytes = in.count();
  kernel.static_shared_bytes = in.count<std::int64_t>();
  kernel.compile_s = in.amount();
  kernel.log = in.text();
  return kernel;
}

/// Without samples: a worker prepares, its parent collects them.
inline void put(Writer& out, const Measurement& m) {
  out.put(m.status).put(m.reason).put(m.error).put(m.registers).put(m.spill_bytes).put(m.compile_s);
}
inline Measurement get_measurement(Reader& in) {
  Measurement m;
  m.status = in.get(TrialStatus::crashed);
  m.reason = in.text();
  m.error = in.get<double>();
  m.registers = in.count();
  m.spill_bytes = in.count();
  m.compile_s = in.amount();
  // Not checked, or a distance: infinite where the output was not finite, and then it is no good result.
  const bool right = m.status == TrialStatus::measured;
  if (std::isnan(m.error) || (m.error < 0 && m.error != -1) || (right && !(m.error >= 0 && std::isfinite(m.error)))) {
    in.refuse();
  }
  if (m.status == TrialStatus::dropped) in.refuse();  // it was not raced yet
  return m;
}

inline void put(Writer& out, const Sample& sample) {
  out.put(sample.seconds).put(sample.clock_hz).put(sample.throttled);
}
inline Sample get_sample(Reader& in) {
  Sample sample;
  sample.seconds = in.amount();
  sample.clock_hz = in.amount();
  sample.throttled = in.flag();
  if (sample.seconds == 0) in.refuse();
  return sample;
}

inline void put(Writer& out, const MeasurePolicy& policy) { out.put(policy.cold).put(policy.seed); }
inline MeasurePolicy get_policy(Reader& in) {
  MeasurePolicy policy;
  policy.cold = in.flag();
  policy.seed = in.get<std::uint64_t>();
  return policy;
}

inline void put(Writer& out, const Error& error) { out.put(error.code).put(error.message); }
inline Error get_error(Reader& in) {
  Error error;
  error.code = in.get(ErrorCode::crashed);
  error.message = in.text();
  return error;
}
/// What came instead of a value: the error that the other side tells, or that its answer makes no sense.
inline Error refusal_in(Reader& in) {
  Error told = get_error(in);
  if (in.ok()) return told;
  return {ErrorCode::crashed, "The worker process sent an answer that cannot be read."};
}

}  // namespace fftconv::worker
