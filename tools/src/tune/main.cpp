// fftconv-tune: measures candidates and manages what was learned.
#include "command_line.h"
#include "tune/commands.h"

using namespace fftconv::tools;

namespace {

struct Command {
  const char* name;
  const char* help;
  int (*run)(const TuneOptions&, const Console&);
};

constexpr Command kCommands[] = {
    {"sweep", "measure candidates for problems and remember every trial", sweep},
    {"resume", "go on with the sweep that was cut off, with what was asked of it", resume},
    {"replay", "sweep over the problems of a capture file, most used first", replay},
    {"list", "what was measured, a line for each problem's winner", list},
    {"best", "the kernel that an application would get for a problem, and why", best},
    {"doctor", "devices, libraries and databases, and what each missing one costs", doctor},
    {"export", "all trials as JSON lines", export_trials},
    {"import", "take in trials exported elsewhere", import_trials},
    {"merge", "take in the trials of other databases", merge},
    {"report", "one page that shows all that was measured", report},
    {"diff", "what became faster or slower from one database to another", diff},
};

void add_options(CLI::App& app, const std::string& name, TuneOptions& options) {
  const bool sweeps = name == "sweep" || name == "replay";
  if (name == "sweep" || name == "best") add_problem_options(app, options.problems);
  if (name == "replay") {
    app.add_option("FILE", options.capture, "what FFTCONV_CAPTURE=FILE recorded in an application")->required();
  }
  if (sweeps || name == "best") {
    app.add_option("--order", options.order, "Monarch orders p to look at, such as 2,3 (default all)");
  }
  if (sweeps) {
    app.add_option("--rigor", options.rigor, "measure, patient, exhaustive")->capture_default_str();
    app.add_option("--policy", options.policy,
                   "cold: the cache is flushed before each sample; hot: it is warm. Times of one are not taken for "
                   "the other's")
        ->capture_default_str();
    app.add_option("--budget", options.budget_s,
                   "seconds for the whole sweep (default 10 for each problem); not with --rigor exhaustive, which "
                   "tries all");
    app.add_option("--trials", options.trials, "candidates to try for each problem at most (default by the rigor)");
    app.add_flag("--in-process", options.in_process,
                 "run candidates in this process; one that crashes or hangs then ends the sweep");
    app.add_option("--compile-limit", options.compile_limit_s,
                   "seconds after which a compilation is ended and its candidate charged")
        ->capture_default_str();
    app.add_option("--run-limit", options.run_limit_s,
                   "the same for loading a candidate, checking it, and timing it once")
        ->capture_default_str();
    app.add_option(
        "--memory-limit", options.memory_limit,
        "bytes that a worker process may use, such as 8G (default three quarters of the machine's memory)");
    app.add_option("--shard", options.shard,
                   "i/n: only the i-th of n parts of the problems; auto: that of this Slurm array task or rank");
    app.add_option(
        "--mpi", options.machine.mpi,
        "on, off, or file of the MPI component (default FFTCONV_MPI, else on where an MPI launcher started "
        "several processes)");
    app.add_option("--rank-timeout", options.rank_timeout_s,
                   "seconds of silence after which a rank is taken for dead and its problem given to another")
        ->capture_default_str();
  }
  if (name == "list") {
    app.add_flag("--all", options.all, "every trial, failed ones too");
    app.add_option("--match", options.match, "only problems whose text contains this");
  }
  if (name == "list" || name == "export" || name == "report")
    app.add_option("--db", options.db, "another database than the user's own");
  if (name == "export") app.add_option("-o,--output", options.output, "file to write (default standard output)");
  if (name == "export") app.add_flag("--schema", options.schema, "print the JSON Schema of a line instead");
  if (name == "report") {
    app.add_option("-o,--output", options.output, "file to write, HTML")->required();
    app.add_option("--device", options.devices, "only devices whose name or architecture contains this");
    app.add_option("--bench", options.bench, "times of peers, as fftconv-bench -o writes them; may be repeated")
        ->allow_extra_args(false);
  }
  if (name == "diff") {
    app.add_option("FILES", options.files, "before and after: databases, or files that export wrote")
        ->required()
        ->expected(2);
    app.add_flag("--fail-on-slower", options.fail_on_slower, "exit status 1 where a problem became slower");
  }
  if (name == "import") app.add_option("FILES", options.files, "JSON lines, as export writes them")->required();
  if (name == "merge") app.add_option("FILES", options.files, "databases (tuning.db)")->required();
  if (sweeps || name == "resume") {
    app.add_flag("--details", options.details,
                 "after the table, of each search: candidates, what was refused and why, compiled, measured, regret");
  }
  if (name != "export" && name != "report") app.add_flag("--json", options.json, "answer as JSON");
  add_machine_options(app, options.machine, sweeps || name == "best");
}

}  // namespace

int main(int argc, char** argv) {
  return run_tool("fftconv-tune", [&](const Console& console) {
    TuneOptions options;
    CLI::App app("Finds and remembers the fastest convolution kernels for this machine.");
    prepare(app);
    app.require_subcommand(1);
    for (const Command& command : kCommands) {
      add_options(*app.add_subcommand(command.name, command.help), command.name, options);
    }
    if (const auto status = parse_command_line(app, argc, argv, console)) return *status;
    apply_settings(options.machine);
    for (const Command& command : kCommands) {
      if (app.got_subcommand(command.name)) return command.run(options, console);
    }
    return 2;
  });
}
