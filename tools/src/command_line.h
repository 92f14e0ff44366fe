// What the tools' command lines share. Header-only: CLI11 is known to the programs, not to their library.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "console.h"
#include "machine.h"
#include "problem_lists.h"
#include "version.h"

namespace fftconv::tools {

inline void add_problem_options(CLI::App& app, ProblemLists& lists) {
  const char* const group = "Problem";
  app.add_option("-L,--seqlen", lists.seqlen,
                 "samples a row: 4096, 4K, 256..32K (doubling), 100..200:25, lists of these")
      ->group(group);
  app.add_option("--filter-len", lists.filter_len, "taps (default L, the sequence length)")->group(group);
  app.add_option("-B,--batch", lists.batch, "batch sizes (default 1)")->group(group);
  app.add_option("-H,--channels", lists.channels, "channels (default 1)")->group(group);
  app.add_option("--mode", lists.mode, "causal, anticausal, bidirectional, circular (default causal)")->group(group);
  app.add_option("--direction", lists.direction, "forward, backward_input, backward_filter (default forward)")
      ->group(group);
  app.add_option("--precision", lists.precision, "f16, bf16, f32 (default f32 on a CPU, f16 on a GPU)")->group(group);
  app.add_option("--io", lists.io, "type in memory: f16, bf16, f32 (default as the precision)")->group(group);
  app.add_option("--sparsity", lists.sparsity,
                 "dense, or kept-A,B,C,D: masks of kept frequency blocks; may be repeated")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--problem", lists.problems,
                 "canonical text, such as causal/L4096/k4096/b64/h768/io-f16/f16/forward; may be repeated")
      ->allow_extra_args(false)
      ->group(group);
}

inline void add_machine_options(CLI::App& app, MachineOptions& options, bool with_device = true) {
  const char* const group = "Machine";
  if (with_device) {
    app.add_option("--device", options.device,
                   "cuda, cuda:N, cpu, sim (default FFTCONV_DEVICE, else the best present)")
        ->group(group);
    app.add_option("--arch", options.arch, "architecture, such as sm_90a")->group(group);
    app.add_option("--threads", options.threads,
                   "of the CPU device (default FFTCONV_THREADS, else as many as there are processors)")
        ->group(group);
  }
  app.add_option("--cache-dir", options.cache_dir, "folder of the databases (default FFTCONV_CACHE_DIR)")
      ->group(group);
  app.add_option("--nvrtc", options.nvrtc, "file of libnvrtc, or off (default FFTCONV_NVRTC)")->group(group);
  app.add_option("--worker", options.worker, "program that runs candidates, or off (default FFTCONV_WORKER)")
      ->group(group);
  app.add_option("--llvm", options.llvm, "file of the LLVM component, or off (default FFTCONV_LLVM)")->group(group);
  app.add_option(
         "--host-compiler", options.host_compiler,
         "installed clang++ that compiles for the CPU device (default FFTCONV_HOST_COMPILER, else in process)")
      ->group(group);
  app.add_option("--libcuda", options.libcuda, "file of libcuda, or off (default FFTCONV_LIBCUDA)")->group(group);
}

/// Parses; the exit status where the program ends here (help, version, or a command line that is refused in one
/// sentence with status 2).
inline std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv, const Console& console) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    const auto done = console.print(app.help());
    return done ? 0 : console.fail(done.error());
  } catch (const CLI::CallForAllHelp&) {
    const auto done = console.print(app.help("", CLI::AppFormatMode::All));
    return done ? 0 : console.fail(done.error());
  } catch (const CLI::CallForVersion&) {
    const auto done = console.print(version_text(console.tool()));
    return done ? 0 : console.fail(done.error());
  } catch (const CLI::ParseError& error) {
    return console.fail(invalid(std::string(error.what()) + "; " + console.tool() + " --help lists what there is"));
  }
}

/// --version, and its help text; nothing is loaded to answer it.
inline void prepare(CLI::App& app) {
  app.set_version_flag("--version", "", "print the version and exit");
  app.get_formatter()->column_width(34);
}

}  // namespace fftconv::tools
