// sweep's two ways: measuring on a device, and compiling and ranking where there is none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "console.h"
#include "fftconv/launcher.h"
#include "fftconv/plan.h"
#include "fftconv/tuner.h"
#include "fftconv/worker.h"
#include "json_out.h"
#include "machine.h"
#include "order_filter.h"
#include "tune/commands.h"

namespace fftconv::tools {

struct SweepJob {
  std::vector<Problem> problems;
  Orders orders;
  Rigor rigor = Rigor::measure;
  double budget_s = 0;      ///< of all problems together
  int trials = 0;           ///< candidates of a problem at most; 0: by the rigor
  MeasurePolicy policy;     ///< part of the key that trials are stored with
  bool in_process = false;  ///< candidates run in this process
  bool details = false;     ///< the table is followed by what each search did
  WorkerLimits limits;      ///< where they do not
};

// NOLINTNEXTLINE(bugprone-exception-escape): the move of a JSON value asserts, it does not throw
struct SweepAnswer {
  std::string table;
  Json json;
  int failed = 0;  ///< problems without an answer
};

/// Measures, remembers, and compares the winners with the plain default, on one device or several at once. Each
/// problem gets an equal share of the time that is left. A problem that fails costs its own row.
SweepAnswer measure_all(const std::vector<std::shared_ptr<Context>>& contexts, const SweepJob& job,
                        const Console& console);

/// What every sweep of the job is told; candidates run in worker processes where the job does not forbid it, and take
/// turns on a device with whoever else measures on it.
SweepOptions sweep_options(const std::vector<std::shared_ptr<Context>>& contexts, const SweepJob& job,
                           const Console& console);

/// Compiles the model's first choices with NVRTC for target.facts.arch and ranks them: predictions, never a time.
SweepAnswer rank_all(const Target& target, const SweepJob& job, const Console& console);

/// What is asked, checked. Without a budget each problem gets 10 s of one of `searchers` that work at once. Errors:
/// invalid_argument.
Result<SweepJob> make_job(const TuneOptions& options, const DeviceFacts& facts, int searchers);

/// Whether this process is one of several that share the sweep by MPI. Errors: invalid_argument where it is and may
/// not use MPI: all would do the same work.
Result<bool> by_ranks(const TuneOptions& options, const Launcher& launcher);

/// sweep() as one rank of an MPI job. The answer is printed by rank 0.
int sweep_ranks(const TuneOptions& options, const Console& console);

/// Prints the answer; the exit status. `stopped`: the signal that ended the sweep, or 0.
int conclude(const TuneOptions& options, const SweepAnswer& answer, int stopped, const Console& console);

/// What to measure: the problems of the capture file, most used first, where one is named, else those of the lists.
Result<std::vector<Problem>> problems_to_tune(const TuneOptions& options, const DeviceFacts& facts);

/// Bytes of u and y of all rows.
double io_bytes(const Problem& problem);

}  // namespace fftconv::tools
