// fftconv-inspect: what is generated for a problem, what compilers make of it, and what it should cost.
#include "command_line.h"
#include "inspect/commands.h"

using namespace fftconv::tools;

namespace {

struct Command {
  const char* name;
  const char* help;
  int (*run)(const InspectOptions&, const Console&);
};

constexpr Command kCommands[] = {
    {"source", "the emitted text", show_source},
    {"ptx", "what NVRTC makes of it, as PTX", show_ptx},
    {"sass", "its machine code, through nvdisasm", show_sass},
    {"resources", "registers, spills, shared memory, occupancy, products, bank conflicts, sectors", show_resources},
    {"cost", "the ranking by the cost model with all its terms", show_cost},
    {"simulate", "run it in the simulated device and compare with fp64", simulate},
    {"configs", "all legal candidates, and why others are not", show_configs},
};

void add_options(CLI::App& app, const std::string& name, InspectOptions& options) {
  add_problem_options(app, options.problem);
  if (name != "cost" && name != "configs") {
    app.add_option("--config", options.config, "candidate, in its own text (default the model's first choice)");
    app.add_flag("--stored", options.stored, "the stored winner for this problem and architecture");
  }
  app.add_option("--order", options.order, "Monarch orders p to look at, such as 2,3 (default all)");
  if (name == "source" || name == "ptx" || name == "sass") {
    app.add_option("-o,--output", options.output, "file to write (default standard output)");
  } else {
    app.add_flag("--json", options.json, "answer as JSON");
  }
  if (name == "cost") app.add_option("--top", options.top, "candidates shown, 0 for all")->capture_default_str();
  if (name == "simulate") {
    app.add_flag("--fibers", options.fibers, "one fiber a thread in random order: slower, the cross-check");
    app.add_option("--seed", options.seed, "of the data and of the order of fibers")->capture_default_str();
  }
  add_machine_options(app, options.machine);
}

}  // namespace

int main(int argc, char** argv) {
  return run_tool("fftconv-inspect", [&](const Console& console) {
    InspectOptions options;
    CLI::App app("Shows what is generated for a convolution problem; for CUDA no GPU is needed.");
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
