#include "cpu/cpu_kernel.h"

#include <fmt/format.h>

namespace fftconv {
namespace {

/// Below so many complex points (some 50 microseconds) waking the other threads costs more than they save.
constexpr std::int64_t kPointsWorthThreads = 1 << 15;

struct Call {
  void (*function)(const KernelArgs*, std::int64_t, std::int64_t, float*);
  const KernelArgs* args;
};

void run_call(const void* context, std::int64_t first, std::int64_t last, float* scratch) {
  const Call& call = *static_cast<const Call*>(context);
  call.function(call.args, first, last, scratch);
}

Error null_pointer(const char* name) {
  return invalid(fmt::format("The kernel needs a pointer that was null: set {} of KernelArgs.", name));
}

}  // namespace

Result<std::shared_ptr<const LoadedKernel>> CpuKernel::make(const KernelSource& source,
                                                            std::unique_ptr<LinkedObject> object,
                                                            std::shared_ptr<ThreadPool> pool) {
  std::shared_ptr<CpuKernel> kernel(new CpuKernel);
  for (auto [from, to] :
       {std::pair{&source.convolution, &kernel->convolution_}, std::pair{&source.spectrum, &kernel->spectrum_}}) {
    if (from->name.empty()) continue;
    to->name = from->name;
    to->function = reinterpret_cast<Function>(object->symbol(from->name));
    if (!to->function) {
      return Error{
          ErrorCode::damaged,
          fmt::format("The binary has no entry {}: it was not made from this source, compile it again.", from->name)};
    }
  }
  kernel->points_ = transform_length(source.config) * source.config.rows;
  kernel->reads_filter_ = reads_filter(source.problem);
  kernel->object_ = std::move(object);
  kernel->pool_ = std::move(pool);
  return std::shared_ptr<const LoadedKernel>(std::move(kernel));
}

Result<void> CpuKernel::launch(const KernelEntry& entry, const KernelArgs& args, Stream) const {
  const bool convolves = entry.name == convolution_.name;
  if (!convolves && (entry.name != spectrum_.name || !spectrum_.function)) {
    return invalid(
        fmt::format("The kernel has no entry '{}': use {} or {}.", entry.name, convolution_.name, spectrum_.name));
  }
  if (!args.spectrum && reads_filter_) return null_pointer("spectrum");
  if (!args.tables) return null_pointer("tables");
  if (convolves && !args.u) return null_pointer("u");
  if (convolves && reads_filter_ && !args.y) return null_pointer("y");
  if (!reads_filter_ && (!args.dy || !args.dk)) return null_pointer(args.dy ? "dk" : "dy");
  if (!convolves && !args.filter) return null_pointer("filter");
  const Call call{convolves ? convolution_.function : spectrum_.function, &args};
  const std::int64_t items = entry.grid[0];
  const auto scratch = static_cast<std::size_t>(entry.shared_bytes);
  const std::int64_t points = reads_filter_ ? items * points_ : args.batch * args.channels * points_;
  const bool ok = points < kPointsWorthThreads ? ThreadPool::run_here(run_call, &call, items, scratch)
                                               : pool_->run(run_call, &call, items, scratch);
  if (ok) return {};
  return Error{
      ErrorCode::out_of_memory,
      fmt::format("A thread could not get {} bytes of working memory: use fewer threads or a shorter sequence.",
                  scratch)};
}

}  // namespace fftconv
