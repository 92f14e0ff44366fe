#include "cpu/cpu_kernel.h"

#include <fmt/format.h>

#include <algorithm>

#include "cpu/progress.h"
#include "cpu/schedule.h"

namespace fftconv {
namespace {

/// Below so many complex points (some 50 microseconds) waking the other threads costs more than they save.
constexpr std::int64_t kPointsWorthThreads = 1 << 15;

/// What the threads of one launch share.
struct Launch {
  const CpuKernel::Entry& entry;
  const KernelArgs& args;
  Team& team;
  std::size_t scratch_bytes = 0;
  Schedule schedule;
  float* shared_scratch = nullptr;
  Progress progress;
};

void take_part(void* context, int index) {
  Launch& launch = *static_cast<Launch*>(context);
  Team::Part part(launch.team, index > 0);
  float* const own = launch.schedule.whole > 0 ? thread_scratch(launch.scratch_bytes) : nullptr;
  if (launch.schedule.whole > 0 && !own) return;  // the others may do it all
  const std::int64_t tickets = launch.schedule.tickets();
  while (part.goes_on()) {
    const std::int64_t number = launch.progress.take();
    if (number >= tickets) return;
    const Ticket t = ticket(launch.schedule, number);
    launch.progress.wait_for(t.after);
    if (t.whole) {
      launch.entry.function(&launch.args, t.first, t.last, own);
    } else {
      launch.entry.share(&launch.args, t.item, static_cast<std::int64_t>(t.pass->pass), t.pass->level, t.first,
                         t.last, launch.shared_scratch);
    }
    launch.progress.finish(t.end);
  }
}

Error null_pointer(const char* name) {
  return invalid(fmt::format("The kernel needs a pointer that was null: set {} of KernelArgs.", name));
}

Error no_scratch(std::size_t bytes) {
  return {ErrorCode::out_of_memory,
          fmt::format("A thread could not get {} bytes of working memory: use fewer threads or a shorter sequence.",
                      bytes)};
}

}  // namespace

Result<std::shared_ptr<const LoadedKernel>> CpuKernel::make(const KernelSource& source,
                                                            std::unique_ptr<LinkedObject> object,
                                                            std::shared_ptr<Team> team) {
  std::shared_ptr<CpuKernel> kernel(new CpuKernel);
  kernel->reads_filter_ = reads_filter(source.problem);
  kernel->has_tables_ = !source.tables.empty();
  kernel->carries_ = source.problem.carry;
  kernel->copies_rows_ = row_strides(source.problem).sample != 1;
  kernel->object_ = std::move(object);
  kernel->team_ = std::move(team);
  kernel->shares_ = source.shares;
  // A transform is as long as the row, but for chunks and direct sums, which go through it bit by bit.
  kernel->points_ = points_worth(
      std::max(transform_length(source.config), source.problem.seqlen) * source.config.rows, source.partitions);
  if (source.config.strategy == Strategy::chunked && !kernel->copies_rows_) {
    // Runs of chunks: their part of all rows.
    const Problem& problem = source.problem;
    kernel->points_ = problem.batch * problem.channels * problem.seqlen / source.convolution.grid[0];
  }
  kernel->keeps_history_ = source.history_bytes > 0;
  const KernelShares& shares = source.shares;
  for (const Result<void>& linked : {kernel->link(source.convolution.name, shares.convolution, kernel->convolution_),
                                     kernel->link(source.spectrum.name, shares.spectrum, kernel->spectrum_)}) {
    if (!linked) return linked.error();
  }
  return std::shared_ptr<const LoadedKernel>(std::move(kernel));
}

Result<void> CpuKernel::link(const std::string& name, const std::string& share, Entry& entry) const {
  const auto missing = [](const std::string& symbol) {
    return Error{
        ErrorCode::damaged,
        fmt::format("The binary has no entry {}: it was not made from this source, compile it again.", symbol)};
  };
  if (name.empty()) return {};
  entry.name = name;
  entry.function = reinterpret_cast<Function>(object_->symbol(name));
  if (!entry.function) return missing(name);
  if (share.empty()) return {};
  entry.share = reinterpret_cast<ShareFunction>(object_->symbol(share));
  if (!entry.share) return missing(share);
  return {};
}

Result<void> CpuKernel::launch(const KernelEntry& entry, const KernelArgs& args, Stream) const {
  const bool convolves = entry.name == convolution_.name;
  if (!convolves && (entry.name != spectrum_.name || !spectrum_.function)) {
    return invalid(
        fmt::format("The kernel has no entry '{}': use {} or {}.", entry.name, convolution_.name, spectrum_.name));
  }
  if (!args.spectrum && reads_filter_) return null_pointer("spectrum");
  if (!args.tables && has_tables_) return null_pointer("tables");
  if (convolves && !args.u) return null_pointer("u");
  if (convolves && reads_filter_ && !args.y) return null_pointer("y");
  if (convolves && carries_ && !args.carry_out) return null_pointer("carry_out");
  if (convolves && keeps_history_ && !args.history) return null_pointer("history");
  if (!reads_filter_ && (!args.dy || !args.dk)) return null_pointer(args.dy ? "dk" : "dy");
  if (!convolves && !args.filter) return null_pointer("filter");
  const Entry& called = convolves ? convolution_ : spectrum_;
  const std::int64_t items = entry.grid[0];
  const auto bytes = static_cast<std::size_t>(entry.shared_bytes);
  // Items of a gradient and of rows that are copied are groups of rows.
  const bool grouped = !reads_filter_ || (copies_rows_ && convolves);
  const std::int64_t points = grouped ? args.batch * args.channels * points_ : items * points_;
  if (points < kPointsWorthThreads) {
    float* const scratch = thread_scratch(bytes);
    if (!scratch) return no_scratch(bytes);
    called.function(&args, 0, items, scratch);
    return {};
  }
  Team::Turn turn(*team_);
  Launch launch{.entry = called, .args = args, .team = *team_, .scratch_bytes = bytes};
  launch.schedule = make_schedule(items, shares_, convolves, turn.threads());
  if (launch.schedule.shared > 0) {
    launch.shared_scratch = turn.shared_scratch(bytes);
    if (!launch.shared_scratch) return no_scratch(bytes);
  }
  turn.run(take_part, &launch);
  if (launch.progress.ended() < launch.schedule.tickets()) return no_scratch(bytes);
  return {};
}

}  // namespace fftconv
