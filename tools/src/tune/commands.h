// The subcommands of fftconv-tune, one file each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "console.h"
#include "fftconv/worker.h"
#include "machine.h"
#include "problem_lists.h"

namespace fftconv::tools {

/// What every subcommand may be told.
struct TuneOptions {
  ProblemLists problems;
  MachineOptions machine;
  std::string order;  ///< Monarch orders, "2,3"; empty: all
  std::string rigor = "measure";
  std::string policy = "cold";  ///< sweep: state of the cache before a sample, as to_string(MeasurePolicy) says it
  double budget_s = 0;          ///< of a whole sweep; 0: 10 s for each problem
  int trials = 0;               ///< candidates of a problem at most; 0: by the rigor
  bool in_process = false;      ///< sweep: no worker processes
  double compile_limit_s = WorkerLimits().compile_s;  ///< sweep: of worker processes
  double run_limit_s = WorkerLimits().run_s;
  std::string memory_limit;    ///< sweep: bytes of a worker process, as sizes are typed; empty: by the machine
  std::string shard;           ///< sweep: "i/n" or "auto"; empty: all problems
  double rank_timeout_s = 60;  ///< sweep by MPI: silence after which a rank is taken for dead
  bool details = false;        ///< sweep: what each search did, after the table
  bool json = false;
  bool all = false;                ///< list: every trial
  std::string match;               ///< list: only problems that contain this
  std::string db;                  ///< list, export: another database
  std::string output;              ///< export: a file
  bool schema = false;             ///< export: the format in place of the trials
  std::string devices;             ///< report: only environments whose device or architecture contains this
  std::vector<std::string> bench;  ///< report: what fftconv-bench wrote
  bool fail_on_slower = false;     ///< diff: exit status 1 where a problem became slower
  std::vector<std::string> files;  ///< import, merge, diff
  std::int64_t resumed = 0;        ///< sweep: the note in the database that it goes on with; 0: a new one
  std::string capture;             ///< replay: the file; then `problems` is not looked at
};

// Each returns the exit status.
int sweep(const TuneOptions& options, const Console& console);
/// sweep with what was asked of the one that was cut off.
int resume(const TuneOptions& options, const Console& console);
/// sweep over the problems of options.capture, most used first.
int replay(const TuneOptions& options, const Console& console);
int list(const TuneOptions& options, const Console& console);
int best(const TuneOptions& options, const Console& console);
int doctor(const TuneOptions& options, const Console& console);
int export_trials(const TuneOptions& options, const Console& console);
int import_trials(const TuneOptions& options, const Console& console);
int merge(const TuneOptions& options, const Console& console);
int report(const TuneOptions& options, const Console& console);
int diff(const TuneOptions& options, const Console& console);

/// Prints; status 0, or that of a standard output that cannot be written.
int finish(const Console& console, const std::string& text);

}  // namespace fftconv::tools
