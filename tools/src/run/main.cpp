// fftconv-run: convolves a file with a filter.
#include <fmt/format.h>

#include <chrono>

#include "command_line.h"
#include "convolve.h"
#include "json_out.h"
#include "run/job.h"
#include "table.h"

using namespace fftconv;
using namespace fftconv::tools;

namespace {

struct Outcome {
  std::string device;
  std::string explanation;
  KernelConfig config;
  Provenance provenance = Provenance::plain_default;
  double seconds = 0;
  double error = -1;
  Signal output;
};

/// Plans, runs and checks; nothing is written.
Result<Outcome> convolve(const Job& job, const RunOptions& options, const Console& console) {
  const auto rigor = parse_rigor(options.rigor);
  if (!rigor) return rigor.error();
  auto target = open_target(options.machine);
  if (!target) return target.error();
  if (!target->device) return Error{ErrorCode::device_missing, target->why_absent};
  auto context = Context::create(target->device, {.log = [&](const std::string& line) { console.note(line); }});
  if (!context) return context.error();
  auto plan = (*context)->plan(job.problem, {*rigor, options.budget_s});
  if (!plan) return plan.error();
  auto convolution = Convolution::prepare(*target->device, *plan, job.input.values, job.filter);
  if (!convolution) return convolution.error();
  const auto start = std::chrono::steady_clock::now();
  if (auto done = convolution->run(); !done) return done.error();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  auto y = convolution->result();
  if (!y) return y.error();
  Outcome outcome{target->facts.name, plan->explain(), plan->config(), plan->provenance(), elapsed.count(), -1, {}};
  outcome.output = {options.output, job.input.shape, job.input.type, job.rate, std::move(*y)};
  if (const auto bad = find_not_finite(outcome.output); bad && !options.allow_nan) {
    return Error{ErrorCode::wrong_result,
                 fmt::format("the result holds {} although both inputs are finite: it overflows {}; scale the filter",
                             *bad, to_string(job.problem.io))};
  }
  if (options.verify) {
    outcome.error = error_against_fp64(job.problem, job.input.values, job.filter, outcome.output.values);
    if (!(outcome.error <= error_budget(job.problem))) {
      return Error{
          ErrorCode::wrong_result,
          fmt::format("the result has relative error {} against fp64, above the budget {}; nothing was "
                      "written, please report this with the kernel {}",
                      show_error(outcome.error), show_error(error_budget(job.problem)), to_string(outcome.config))};
    }
  }
  return outcome;
}

std::string without_last_newlines(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string report(const Job& job, const RunOptions& options, const Outcome& outcome, const std::string& written) {
  if (options.json) {
    Json json{{"output", options.output},
              {"written", written},
              {"problem", to_json(job.problem)},
              {"device", outcome.device},
              {"config", to_string(outcome.config)},
              {"provenance", to_string(outcome.provenance)},
              {"seconds", number(outcome.seconds)}};
    json["error"] = outcome.error < 0 ? Json(nullptr) : number(outcome.error);
    json["error_budget"] = number(error_budget(job.problem));
    return dump(json);
  }
  std::string text = fmt::format("{}: {}\n{} on {}\n{}\n", options.output, written, show_seconds(outcome.seconds),
                                 outcome.device, without_last_newlines(outcome.explanation));
  if (outcome.error >= 0) {
    text += fmt::format("relative L2 error {} against fp64 (budget {})\n", show_error(outcome.error),
                        show_error(error_budget(job.problem)));
  }
  return text;
}

int run(const RunOptions& options, const Console& console) {
  auto job = make_job(options);
  if (!job) return console.fail(job.error());
  const Signal like{options.output, job->input.shape, job->input.type, job->rate, {}};
  if (auto possible = check_output(options.output, like); !possible) return console.fail(possible.error());
  if (options.verify && options.allow_nan) {
    return console.fail(invalid("--verify needs finite inputs; leave out --allow-nan"));
  }
  auto outcome = convolve(*job, options, console);
  if (!outcome) return console.fail(outcome.error());
  if (outcome->output.type == NpyType::f8 && job->problem.io != DataType::f64) {
    outcome->output.type = NpyType::f4;  // what was computed, and no more
  }
  const auto written = write_signal(options.output, outcome->output);
  if (!written) return console.fail(written.error());
  const auto said = console.print(report(*job, options, *outcome, *written));
  return said ? 0 : console.fail(said.error());
}

}  // namespace

int main(int argc, char** argv) {
  return run_tool("fftconv-run", [&](const Console& console) {
    RunOptions options;
    CLI::App app(
        "Convolves INPUT with FILTER: .npy of (length), (channels, length) or (batch, channels, length), or any "
        "audio that libsndfile reads. A filter of one channel serves all channels.");
    prepare(app);
    app.add_option("FILTER", options.filter, "taps: at most as many as the input has samples")->required();
    app.add_option("INPUT", options.input, "the signal")->required();
    app.add_option("-o,--output", options.output, "file to write; the extension says the format")->required();
    app.add_option("--mode", options.mode, "causal, anticausal, bidirectional, circular")->capture_default_str();
    app.add_option("--precision", options.precision, "f16, bf16, f32, f64 (default f16 for f2 input, else f32)");
    app.add_option("--rigor", options.rigor, "estimate, measure, patient, exhaustive, cached_only")
        ->capture_default_str();
    app.add_option("--budget", options.budget_s, "seconds that measuring may take")->capture_default_str();
    app.add_option("--rate", options.rate, "sample rate of audio output where no input has one");
    app.add_flag("--verify", options.verify,
                 "compare with fp64; status 1 and no output where the error is too large");
    app.add_flag("--allow-nan", options.allow_nan, "let NaN and infinity through");
    app.add_flag("--json", options.json, "report as JSON");
    add_machine_options(app, options.machine);
    if (const auto status = parse_command_line(app, argc, argv, console)) return *status;
    apply_settings(options.machine);
    return run(options, console);
  });
}
