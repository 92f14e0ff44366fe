// sweep as one rank of an MPI job.
#include <fmt/format.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "database.h"
#include "fftconv/settings.h"
#include "scale/rank_sweep.h"
#include "tune/interrupt.h"
#include "tune/sweep.h"
#include "tune/sweep_record.h"
#include "tune/sweep_report.h"

namespace fftconv::tools {
namespace {

MachineOptions machine_of_rank(const MachineOptions& options, const Launcher& launcher) {
  int gpus = 0;
  for (const DeviceInfo& info : list_devices()) gpus += info.kind == DeviceKind::cuda && info.available;
  MachineOptions own = options;
  own.device = device_of_rank(options.device.empty() ? settings().device : options.device, launcher.local_rank, gpus);
  return own;
}

Result<std::shared_ptr<Device>> open_measuring(const MachineOptions& options) {
  const auto target = open_target(options);
  if (!target) return target.error();
  if (target->facts.kind == DeviceKind::sim) return invalid("the simulated device measures nothing");
  if (target->device) return target->device;
  return Error{ErrorCode::device_missing, target->why_absent};
}

/// Launchers bind each rank to a core or two unless they are told not to; the CPU device then has only these.
void warn_of_binding(const Device& device, const Console& console) {
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  const auto usable = static_cast<long>(std::thread::hardware_concurrency());
  if (device.facts().kind != DeviceKind::cpu || usable >= cores) return;
  console.note(
      fmt::format("this rank may use {} of {} cores, and what it measures counts for so many alone; give the "
                  "launcher --bind-to none to measure the whole CPU",
                  usable, cores));
}

/// Rank 0's bar and table, which its own searches and the others' rows share.
class SharedReport {
 public:
  SharedReport(const SweepJob& job, const Console& console) : report_(job, console), problems_(job.problems.size()) {}

  void step(const SweepProgress& step) {
    if (step.finished != nullptr) return;  // it comes again as a row, like everybody's
    const std::lock_guard lock(mutex_);
    problems_ = std::max(problems_, step.problems);
    report_.step(step);
  }
  void add(const SweepRow& row, TuningDb& database) {
    const std::lock_guard lock(mutex_);
    report_.step({.problems = problems_, .current = &row.problem, .done = 1, .total = 1, .finished = &row});
    report_.add(row, database);
  }
  SweepAnswer answer(const Environment& environment) { return report_.answer(environment); }

 private:
  std::mutex mutex_;
  SweepReport report_;
  std::size_t problems_;
};

}  // namespace

Result<bool> by_ranks(const TuneOptions& options, const Launcher& launcher) {
  if (!options.shard.empty()) return false;
  if (options.machine.mpi == "on") return true;
  if (launcher.size < 2) return false;
  if (settings().mpi_component != "off") return true;
  return invalid(fmt::format("{} started {} of these, and without MPI all would do the same work; give --shard auto",
                             launcher.name, launcher.size));
}

int sweep_ranks(const TuneOptions& options, const Console& console) {
  const Launcher& launcher = settings().launcher;
  const bool first = launcher.rank <= 0;
  const Console own(first ? console.tool() : fmt::format("{}[{}]", console.tool(), launcher.rank));
  // Every rank says what is wrong: a launcher ends the others as soon as one has ended, perhaps before it could
  // speak.
  const auto refuse = [&](const Error& error) { return own.fail(error); };
  const MachineOptions machine = machine_of_rank(options.machine, launcher);
  if (!(options.rank_timeout_s > 0)) {
    return refuse(invalid(fmt::format("a rank timeout of {} s is not above 0", options.rank_timeout_s)));
  }
  std::shared_ptr<Device> device;
  if (first) {
    auto opened = open_measuring(machine);
    if (!opened) return refuse(opened.error());
    device = std::move(*opened);
  }
  const auto job = make_job(options, device ? device->facts() : DeviceFacts(), std::max(1, launcher.size));
  if (!job) return refuse(job.error());
  std::optional<SweepRecord> record;
  if (first) {
    auto begun = begin_record(options, *job, console);
    if (!begun) return refuse(begun.error());
    record.emplace(std::move(*begun));
  }
  const Interruptible stoppable;
  auto ranks = open_mpi();
  if (!ranks) return refuse(ranks.error());
  if (launcher.size > 1 && (*ranks)->size() != launcher.size) {
    return refuse(
        invalid(fmt::format("{} started {} processes of which MPI sees {}: the MPI component was built for "
                            "another MPI; give --shard auto",
                            launcher.name, launcher.size, (*ranks)->size())));
  }
  SharedReport report(*job, console);
  RankSweep sweep{.problems = job->problems,
                  .cache = tuning_db_file().parent_path(),
                  .silence_s = options.rank_timeout_s,
                  .log = [&](const std::string& line) { own.note(line); }};
  sweep.open = [&](const std::filesystem::path& directory) -> Result<std::shared_ptr<Context>> {
    if (!device) {
      auto opened = open_measuring(machine);
      if (!opened) return opened.error();
      device = std::move(*opened);
    }
    warn_of_binding(*device, own);
    return Context::create(device, {.cache_directory = directory, .log = sweep.log});
  };
  sweep.options = [&](const std::shared_ptr<Context>& context) {
    SweepOptions asked = sweep_options({context}, *job, own);
    if (first) asked.progress = [&](const SweepProgress& step) { report.step(step); };
    return asked;
  };
  sweep.finished = [&](const SweepRow& row, TuningDb& database) { report.add(row, database); };
  const auto outcome = sweep_by_ranks(std::move(*ranks), sweep);
  if (!outcome) return own.fail(outcome.error());
  const int stopped = interrupted();
  if (!first) return stopped != 0 ? 128 + stopped : outcome->complete ? 0 : 1;
  if (stopped == 0) {
    if (const auto ended = end_record(*record, console); !ended) return console.fail(ended.error());
  }
  return conclude(options, report.answer(outcome->environment), stopped, console);
}

}  // namespace fftconv::tools
