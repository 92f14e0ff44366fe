// The subcommands of fftconv-tune, one file each.
#pragma once

#include <string>
#include <vector>

#include "console.h"
#include "machine.h"
#include "problem_lists.h"

namespace fftconv::tools {

/// What every subcommand may be told.
struct TuneOptions {
  ProblemLists problems;
  MachineOptions machine;
  std::string order;  ///< Monarch orders, "2,3"; empty: all
  std::string rigor = "measure";
  double budget_s = 0;      ///< of a whole sweep; 0: 10 s for each problem
  int trials = 0;           ///< candidates of a problem at most; 0: by the rigor
  bool in_process = false;  ///< sweep: no worker processes
  bool json = false;
  bool all = false;                ///< list: every trial
  std::string match;               ///< list: only problems that contain this
  std::string db;                  ///< list, export: another database
  std::string output;              ///< export: a file
  std::string capture;             ///< replay: the file; then `problems` is not looked at
  std::vector<std::string> files;  ///< import, merge
};

// Each returns the exit status.
int sweep(const TuneOptions& options, const Console& console);
/// sweep over the problems of options.capture, most used first.
int replay(const TuneOptions& options, const Console& console);
int list(const TuneOptions& options, const Console& console);
int best(const TuneOptions& options, const Console& console);
int doctor(const TuneOptions& options, const Console& console);
int export_trials(const TuneOptions& options, const Console& console);
int import_trials(const TuneOptions& options, const Console& console);
int merge(const TuneOptions& options, const Console& console);

/// Prints; status 0, or that of a standard output that cannot be written.
int finish(const Console& console, const std::string& text);

}  // namespace fftconv::tools
