#include "suite/execution.h"

namespace fftconv::gpu_suite {

Result<Execution> Execution::make(Device& device, const Candidate& candidate, const KernelArgs& shared) {
  Execution made;
  made.args = shared;
  const KernelSource& source = candidate.source;
  const auto allocate = [&](std::unique_ptr<DeviceBuffer>& buffer, std::size_t bytes) -> Result<void> {
    if (bytes == 0) return {};
    auto allocated = device.allocate(bytes);
    if (!allocated) return allocated.error();
    buffer = std::move(*allocated);
    return {};
  };
  if (auto done = allocate(made.tables, source.tables.size()); !done) return done.error();
  if (auto done = allocate(made.spectrum, static_cast<std::size_t>(source.spectrum_bytes)); !done)
    return done.error();
  if (auto done = allocate(made.scratch, static_cast<std::size_t>(source.spectrum_scratch_bytes)); !done) {
    return done.error();
  }
  if (made.tables) {
    made.args.tables = made.tables->data();
    if (auto done = device.upload(made.tables->data(), source.tables.data(), source.tables.size()); !done) {
      return done.error();
    }
  }
  if (made.spectrum) made.args.spectrum = made.spectrum->data();
  if (made.scratch) made.args.scratch = made.scratch->data();
  if (auto done = candidate.loaded->launch(source.spectrum, made.args, nullptr); !done) return done.error();
  if (auto done = device.synchronize(nullptr); !done) return done.error();
  return made;
}

Result<void> Execution::convolve(Device& device, const Candidate& candidate) const {
  if (auto done = candidate.loaded->launch(candidate.source.convolution, args, nullptr); !done) return done;
  return device.synchronize(nullptr);
}

}  // namespace fftconv::gpu_suite
