#include "fftconv/plan.h"

#include <fmt/format.h>

#include <array>

#include "fftconv/cost_model.h"
#include "plan_state.h"
#include "rows.h"

namespace fftconv {
namespace {

constexpr std::array<Rigor, 5> kRigors{Rigor::estimate, Rigor::measure, Rigor::patient, Rigor::exhaustive,
                                       Rigor::cached_only};

bool overlap(const void* a, std::size_t a_bytes, const void* b, std::size_t b_bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(a);
  const auto second = reinterpret_cast<std::uintptr_t>(b);
  return first < second + b_bytes && second < first + a_bytes;
}

// Plans of one kernel for other batch sizes share a spectrum; for other filters they do not.
bool fits(const ReadyKernel& made_by, const ReadyKernel& used_by) {
  if (&made_by == &used_by) return true;
  const Problem& a = made_by.source.problem;
  const Problem& b = used_by.source.problem;
  return made_by.device == used_by.device && made_by.source.digest == used_by.source.digest &&
         made_by.source.spectrum_bytes == used_by.source.spectrum_bytes && filter_count(a) == filter_count(b) &&
         a.filter_len == b.filter_len && a.sharing == b.sharing && a.channels == b.channels;
}

// A pointer that the problem needs must be given, and one that it has no use for must not be: a gate that is quietly
// left out is a wrong result.
Result<void> check_optional(const void* pointer, bool used, const char* name) {
  if (used && !pointer)
    return invalid(fmt::format("{} is null: this plan's problem has it, so give its address.", name));
  if (!used && pointer) {
    return invalid(fmt::format("{} is given, but this plan's problem has none: plan a problem with it.", name));
  }
  return {};
}

Result<void> check_output(const Plan::State& plan, const ConvolutionBuffers& buffers) {
  if (!buffers.y) return invalid("y is null: give the address of the output.");
  if (!buffers.spectrum) return invalid("spectrum is null: make one from the filter with make_spectrum().");
  if (!fits(*buffers.spectrum->state().kernel, *plan.kernel)) {
    return invalid("The spectrum was made by another plan, whose kernel has another order: make one with this plan.");
  }
  if (buffers.dy || buffers.dk) {
    return invalid("dy and dk belong to direction backward_filter: leave them null, a plan forward has u and y.");
  }
  if (overlap(buffers.u, plan.io_bytes, buffers.y, plan.io_bytes)) {
    return invalid("u and y overlap: give y memory of its own.");
  }
  return {};
}

Result<void> check_carry(const Problem& problem, const ConvolutionBuffers& buffers) {
  if (!buffers.carry_in) return {};
  if (!problem.carry) return invalid("carry_in is given, but this plan's problem has none: plan a problem with it.");
  const std::size_t bytes = carry_bytes(problem);
  if (buffers.carry_in != buffers.carry_out && overlap(buffers.carry_in, bytes, buffers.carry_out, bytes)) {
    return invalid("carry_in and carry_out overlap in part: give the same address for both, or memory apart.");
  }
  return {};
}

Result<void> check_history(const KernelSource& source, const ConvolutionBuffers& buffers) {
  if (buffers.blocks < 0 || (buffers.blocks > 0 && source.history_bytes == 0)) {
    return invalid(fmt::format("{} earlier blocks do not fit this plan: count those that went through `history`.",
                               buffers.blocks));
  }
  return check_optional(buffers.history, source.history_bytes > 0, "history");
}

Result<void> check_gradient(const Plan::State& plan, const ConvolutionBuffers& buffers) {
  if (!buffers.dy) return invalid("dy is null: give the address of the output's gradient.");
  if (!buffers.dk)
    return invalid("dk is null: give the address of the filter's gradient, (filters, Lk) like the taps.");
  if (buffers.y || buffers.spectrum) {
    return invalid("y and spectrum have no part in the filter's gradient: leave them null, dk is what is written.");
  }
  const Problem& problem = plan.kernel->source.problem;
  const std::size_t dk_bytes = filter_bytes(problem);
  for (const void* input : {buffers.u, buffers.dy, buffers.pregate, buffers.postgate}) {
    if (input && overlap(input, plan.io_bytes, buffers.dk, dk_bytes)) {
      return invalid("dk overlaps an input: give it memory of its own.");
    }
  }
  return {};
}

Result<void> check_buffers(const Plan::State& plan, const ConvolutionBuffers& buffers) {
  const Problem& problem = plan.kernel->source.problem;
  if (!buffers.u) return invalid("u is null: give the address of the input.");
  if (Result<void> outputs = reads_filter(problem) ? check_output(plan, buffers) : check_gradient(plan, buffers);
      !outputs) {
    return outputs;
  }
  const auto alignment = static_cast<std::uintptr_t>(plan.kernel->source.io_alignment);
  const auto misaligned = [alignment](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % alignment != 0; };
  if (misaligned(buffers.u) || misaligned(buffers.y)) {
    return invalid(fmt::format(
        "u and y must lie at multiples of {} bytes: this plan's kernel moves so much at a time.", alignment));
  }
  for (const Result<void>& checked : {check_optional(buffers.pregate, problem.pregate, "pregate"),
                                      check_optional(buffers.postgate, problem.postgate, "postgate"),
                                      check_optional(buffers.skip, problem.skip, "skip"),
                                      check_optional(buffers.carry_out, problem.carry, "carry_out"),
                                      check_carry(problem, buffers), check_history(plan.kernel->source, buffers)}) {
    if (!checked) return checked;
  }
  return {};
}

std::string time_text(double seconds) {
  if (seconds <= 0) return "unknown";
  if (seconds < 1e-3) return fmt::format("{:.3g} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} s", seconds);
}

}  // namespace

const char* to_string(Rigor rigor) {
  switch (rigor) {
    case Rigor::estimate:
      return "estimate";
    case Rigor::measure:
      return "measure";
    case Rigor::patient:
      return "patient";
    case Rigor::exhaustive:
      return "exhaustive";
    case Rigor::cached_only:
      return "cached_only";
  }
  return "unknown";
}

Result<Rigor> parse_rigor(std::string_view text) {
  for (Rigor rigor : kRigors) {
    if (text == to_string(rigor)) return rigor;
  }
  return invalid(fmt::format("'{}' is no rigor: use estimate, measure, patient, exhaustive or cached_only.", text));
}

KernelArgs base_args(const ReadyKernel& kernel) {
  const Problem& problem = kernel.source.problem;
  KernelArgs args;
  args.tables = kernel.tables ? kernel.tables->data() : nullptr;
  args.batch = problem.batch;
  args.channels = problem.channels;
  args.seqlen = problem.seqlen;
  args.filter_len = problem.filter_len;
  args.filters = filter_count(problem);
  const RowStrides strides = row_strides(problem);
  args.batch_stride = strides.batch;
  args.channel_stride = strides.channel;
  args.sample_stride = strides.sample;
  return args;
}

Result<void> run_spectrum(const ReadyKernel& kernel, const void* filter, void* spectrum, Stream stream) {
  std::unique_ptr<DeviceBuffer> scratch;
  KernelArgs args = base_args(kernel);
  args.filter = filter;
  args.spectrum = spectrum;
  if (kernel.source.spectrum_scratch_bytes > 0) {
    auto allocated = kernel.device->allocate(static_cast<std::size_t>(kernel.source.spectrum_scratch_bytes));
    if (!allocated) return allocated.error();
    scratch = std::move(allocated).value();
    args.scratch = scratch->data();
  }
  return run_spectrum(kernel, args, stream);
}

Result<void> run_spectrum(const ReadyKernel& kernel, const KernelArgs& args, Stream stream) {
  if (auto launched = kernel.loaded->launch(kernel.source.spectrum, args, stream); !launched) return launched;
  return kernel.device->synchronize(stream);
}

const void* FilterSpectrum::data() const { return state_->memory->data(); }
std::size_t FilterSpectrum::size() const { return state_->memory->size(); }

const Problem& Plan::problem() const { return state_->kernel->source.problem; }
const KernelConfig& Plan::config() const { return state_->kernel->source.config; }
const KernelSource& Plan::source() const { return state_->kernel->source; }
const CompiledKernel& Plan::kernel() const { return state_->kernel->compiled; }
Provenance Plan::provenance() const { return state_->provenance; }

std::string Plan::explain() const {
  const State& plan = *state_;
  const CompiledKernel& compiled = plan.kernel->compiled;
  const DeviceFacts& facts = plan.kernel->device->facts();  // with rates: only whoever asks for reasons pays
  std::string text = fmt::format("{}\n  kernel     {}\n  chosen by  {}: {}\n", to_string(problem()),
                                 to_string(config()), to_string(plan.provenance), plan.reason);
  text +=
      fmt::format("  time       measured {}, predicted {}, floor {}\n", time_text(plan.measured_s),
                  time_text(predict(problem(), config(), facts).total_s), time_text(floor_seconds(problem(), facts)));
  if (compiled.format == BinaryFormat::portable) {
    text += "  binary     built with the library\n";
  } else {
    text += compiled.from_cache ? std::string("  binary     from the cache\n")
                                : fmt::format("  binary     compiled in {}\n", time_text(compiled.compile_s));
  }
  if (const std::string caveat = plan.kernel->device->caveat(); !caveat.empty()) {
    text += fmt::format("  note       {}\n", caveat);
  }
  if (!plan.passed.empty()) text += fmt::format("  passed over:\n{}", plan.passed);
  return text;
}

Result<FilterSpectrum> Plan::make_spectrum(const void* filter, Stream stream) const {
  if (!filter) return invalid("filter is null: give the device address of its taps.");
  if (!reads_filter(problem())) {
    return invalid("This plan computes the filter's gradient and reads no filter: execute it with u, dy and dk.");
  }
  const ReadyKernel& kernel = *state_->kernel;
  if (kernel.device->is_capturing(stream)) {
    return Error{ErrorCode::busy,
                 "The stream is being captured, and a spectrum needs memory and has to be waited for: "
                 "make it before the capture begins."};
  }
  auto memory = kernel.device->allocate(static_cast<std::size_t>(kernel.source.spectrum_bytes));
  if (!memory) return memory.error();
  if (auto made = run_spectrum(kernel, filter, (*memory)->data(), stream); !made) return made.error();
  auto state = std::make_shared<FilterSpectrum::State>();
  state->kernel = state_->kernel;
  state->memory = std::move(memory).value();
  return FilterSpectrum(std::move(state));
}

Result<void> Plan::execute(const ConvolutionBuffers& buffers, Stream stream) const {
  if (Result<void> checked = check_buffers(*state_, buffers); !checked) return checked;
  const ReadyKernel& kernel = *state_->kernel;
  KernelArgs args = base_args(kernel);
  args.u = buffers.u;
  args.y = buffers.y;
  args.spectrum = buffers.spectrum ? const_cast<void*>(buffers.spectrum->data()) : nullptr;
  args.pregate = buffers.pregate;
  args.postgate = buffers.postgate;
  args.skip = buffers.skip;
  args.dy = buffers.dy;
  args.dk = buffers.dk;
  args.carry_in = buffers.carry_in;
  args.carry_out = buffers.carry_out;
  args.history = buffers.history;
  args.blocks = buffers.blocks;
  if (state_->uses) state_->uses->executions.fetch_add(1, std::memory_order_relaxed);
  return kernel.loaded->launch(kernel.source.convolution, args, stream);
}

}  // namespace fftconv
