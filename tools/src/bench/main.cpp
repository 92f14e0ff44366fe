// fftconv-bench: time, distance from the floor, rate and error, beside other libraries on the same data.
#include <fmt/format.h>

#include <algorithm>

#include "bench/bench.h"
#include "command_line.h"
#include "files.h"
#include "progress.h"
#include "sizes.h"
#include "table.h"

using namespace fftconv;
using namespace fftconv::tools;

namespace {

struct Options {
  ProblemLists problems;
  MachineOptions machine;
  BenchSettings settings;
  std::string rigor = "estimate";
  std::string samples;
  std::vector<std::string> peers;
  std::string output;
  bool no_peers = false;
  bool json = false;
};

/// Batch and channels that make about as many samples as were asked for, about as many of one as of the other.
Result<void> give_samples(const Options& options, std::vector<Problem>& problems) {
  const auto samples = parse_size(options.samples, "samples");
  if (!samples) return samples.error();
  const ProblemLists& lists = options.problems;
  if (!lists.batch.empty() || !lists.channels.empty() || !lists.problems.empty()) {
    return invalid("--samples chooses batch and channels; leave out --batch, --channels and --problem");
  }
  for (Problem& problem : problems) {
    const std::int64_t rows = std::max<std::int64_t>(1, *samples / problem.seqlen);
    problem.channels = 1;
    while (4 * problem.channels * problem.channels <= rows) problem.channels *= 2;
    problem.batch = rows / problem.channels;
  }
  return {};
}

Result<std::vector<Problem>> plain_problems(const Options& options, const DeviceFacts& facts) {
  auto problems = expand(options.problems, default_precision(facts));
  if (!problems) return problems;
  if (!options.samples.empty()) {
    if (const auto sized = give_samples(options, *problems); !sized) return sized.error();
  }
  for (const Problem& p : *problems) {
    const Problem plain;
    if (p.pregate || p.postgate || p.skip || p.layout != Layout::bhl || p.strides != plain.strides ||
        p.direction != Direction::forward || p.carry || p.kept != plain.kept) {
      return unsupported(
          fmt::format("{} has gates, strides, sparsity or a direction that peers do not compute; give "
                      "plain forward problems",
                      to_string(p)));
    }
  }
  return problems;
}

int run(Options& options, const Console& console) {
  const auto rigor = parse_rigor(options.rigor);
  if (!rigor) return console.fail(rigor.error());
  options.settings.plan.rigor = *rigor;
  if (options.settings.rounds < 1) {
    return console.fail(invalid(fmt::format("{} rounds measure nothing; give at least 1", options.settings.rounds)));
  }
  const auto target = open_target(options.machine);
  if (!target) return console.fail(target.error());
  if (!target->device) return console.fail({ErrorCode::device_missing, target->why_absent});
  if (target->facts.kind == DeviceKind::sim) {
    return console.fail(invalid("the simulated device has no clock; give --device cpu or cuda"));
  }
  if (const auto name = parse_device_name(options.machine.device)) options.settings.peer.ordinal = name->ordinal;
  options.settings.peer.threads = std::max(1, target->facts.sm_count);
  if (options.no_peers && !options.peers.empty()) {
    return console.fail(invalid("--no-peers and --peer contradict each other; give one of them"));
  }
  if (!options.no_peers) {
    auto peers = parse_peers(options.peers, target->facts.kind);
    if (!peers) return console.fail(peers.error());
    options.settings.peers = std::move(*peers);
  }
  const auto problems = plain_problems(options, target->facts);
  if (!problems) return console.fail(problems.error());
  auto context = Context::create(target->device, {.log = [&](const std::string& line) { console.note(line); }});
  if (!context) return console.fail(context.error());

  std::vector<BenchRow> rows;
  int failed = 0;
  {
    Progress progress(console.tool(), static_cast<int>(problems->size()));
    for (const Problem& problem : *problems) {
      progress.begin(to_string(problem));
      auto row = bench_one(**context, problem, options.settings);
      if (row) {
        progress.finish(show_seconds(row->own.median));
        rows.push_back(std::move(*row));
        continue;
      }
      ++failed;
      progress.note(fmt::format("error: {}: {}", to_string(problem), row.error().message));
      progress.finish("failed");
    }
  }
  const std::string json = dump(bench_json(rows, **context, options.settings));
  if (!options.output.empty()) {
    if (const auto written = write_file(options.output, json); !written) return console.fail(written.error());
  }
  const auto said = console.print(options.json ? json : rows.empty() ? "" : bench_table(rows));
  if (!said) return console.fail(said.error());
  return failed > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return run_tool("fftconv-bench", [&](const Console& console) {
    Options options;
    CLI::App app(
        "Times convolutions beside other libraries, on the same data, in interleaved rounds; medians. Filter spectra "
        "are made beforehand on all sides.");
    prepare(app);
    add_problem_options(app, options.problems);
    app.add_option("--rounds", options.settings.rounds, "samples of each")->capture_default_str();
    app.add_option("--seconds", options.settings.seconds, "of a problem; ends the rounds early")
        ->capture_default_str();
    app.add_flag("--cold", options.settings.cold, "flush the cache before each sample");
    app.add_option("--seed", options.settings.seed, "of the data")->capture_default_str();
    app.add_option("--rigor", options.rigor, "estimate, measure, patient, exhaustive, cached_only")
        ->capture_default_str();
    app.add_option("--budget", options.settings.plan.budget_s, "seconds that finding a kernel may take")
        ->capture_default_str();
    app.add_option("--samples", options.samples,
                   "about this many samples in all, such as 32M: chooses batch and channels");
    app.add_option(
           "--peer", options.peers,
           fmt::format("NAME or NAME=PATH of a library or a Python; may be repeated; CPU: {}; CUDA: {} (default "
                       "fftw, pffft, kfr, mkl, where installed; cufft)",
                       peer_names(DeviceKind::cpu), peer_names(DeviceKind::cuda)))
        ->allow_extra_args(false);
    app.add_option("--fftw-limit", options.settings.peer.fftw.limit_s, "seconds that fftw-patient may plan, each way")
        ->capture_default_str();
    app.add_option("--fftw-wisdom", options.settings.peer.fftw.wisdom,
                   "file that fftw-patient reads plans from and writes them to");
    app.add_flag("--no-peers", options.no_peers, "ours alone");
    app.add_option("-o,--output", options.output, "write the answer as JSON to a file, too");
    app.add_flag("--json", options.json, "answer as JSON");
    add_machine_options(app, options.machine);
    if (const auto status = parse_command_line(app, argc, argv, console)) return *status;
    apply_settings(options.machine);
    return run(options, console);
  });
}
