#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>

#include "fftconv/measure.h"
#include "fftconv/plan.h"
#include "plan_state.h"
#include "test_tensors.h"
#include "trial_status.h"

namespace fftconv {
namespace {

void refuse(Measurement& measurement, TrialStatus status, std::string reason) {
  measurement.status = status;
  measurement.reason = std::move(reason);
}

/// The measurement with the error in it, where it is the candidate's.
Result<Measurement> refused(Measurement measurement, const Error& error) {
  if (of_the_machine(error.code)) return error;
  refuse(measurement, status_of(error.code), error.message);
  return measurement;
}

class InProcessRunner : public Runner {
 public:
  InProcessRunner(Context& context, const Problem& problem, const MeasurePolicy& policy,
                  std::unique_ptr<TestTensors> tensors)
      : context_(context), problem_(problem), policy_(policy), tensors_(std::move(tensors)) {}

  void compile(const KernelConfig& config) override {
    Result<Plan> plan = context_.plan_config(problem_, config);
    const std::lock_guard lock(mutex_);
    compiled_.insert_or_assign(to_string(config), std::move(plan));
  }

  Result<Measurement> prepare(const KernelConfig& config) override {
    Measurement measurement;
    const Result<Plan> plan = take_plan(config);
    if (!plan) return refused(measurement, plan.error());
    const CompiledKernel& compiled = plan->kernel();
    measurement.registers = compiled.registers;
    measurement.spill_bytes = compiled.spill_bytes;
    measurement.compile_s = compiled.compile_s;
    Result<Candidate> made = make_candidate(*plan);
    if (!made) return refused(measurement, made.error());
    Candidate candidate = std::move(made).value();
    if (Result<void> ran = run_checked(candidate, measurement); !ran) return refused(measurement, ran.error());
    if (measurement.status == TrialStatus::measured)
      candidates_.insert_or_assign(to_string(config), std::move(candidate));
    return measurement;
  }

  Result<Sample> sample(const KernelConfig& config) override {
    const auto found = candidates_.find(to_string(config));
    if (found == candidates_.end()) return invalid("The candidate was not prepared: call prepare() first.");
    Candidate& candidate = found->second;
    const ReadyKernel& kernel = *candidate.plan.state().kernel;
    // Hot: an untimed launch on other inputs first. Another candidate raced before it, whose tables are in the
    // caches, and a processor's threads may have gone to sleep meanwhile.
    std::optional<KernelArgs> warm;
    if (!policy_.cold) warm = next_arguments(candidate);
    const KernelArgs args = next_arguments(candidate);
    return kernel.device->sample(*kernel.loaded, kernel.source.convolution, args, policy_.cold,
                                 warm ? &*warm : nullptr);
  }

  void release(const KernelConfig& config) override {
    candidates_.erase(to_string(config));
    const std::lock_guard lock(mutex_);
    compiled_.erase(to_string(config));
  }

 private:
  struct Candidate {
    Plan plan;
    GuardedBuffer spectrum, tables;
  };

  // Tables of its own, so that they have canaries, too.
  Result<Candidate> make_candidate(const Plan& plan) const {
    Device& device = context_.device();
    const KernelSource& source = plan.source();
    Result<GuardedBuffer> spectrum = GuardedBuffer::make(device, static_cast<std::size_t>(source.spectrum_bytes));
    if (!spectrum) return spectrum.error();
    Result<GuardedBuffer> tables = GuardedBuffer::make(device, source.tables.size());
    if (!tables) return tables.error();
    if (auto copied = device.upload(tables->data(), source.tables.data(), source.tables.size()); !copied) {
      return copied.error();
    }
    return Candidate{plan, std::move(spectrum).value(), std::move(tables).value()};
  }

  Result<Plan> take_plan(const KernelConfig& config) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = compiled_.find(to_string(config)); found != compiled_.end()) return found->second;
    }
    return context_.plan_config(problem_, config);
  }

  KernelArgs arguments(const Candidate& candidate, int set) const {
    KernelArgs args = base_args(*candidate.plan.state().kernel);
    tensors_->fill_args(args, set);
    args.spectrum = candidate.spectrum.data();
    if (candidate.tables.size() > 0) args.tables = candidate.tables.data();
    return args;
  }

  KernelArgs next_arguments(const Candidate& candidate) {
    const KernelArgs args = arguments(candidate, next_set_);
    next_set_ = (next_set_ + 1) % tensors_->sets();
    return args;
  }

  // Correct first: no time counts before the output was compared with fp64.
  Result<void> run_checked(Candidate& candidate, Measurement& measurement) {
    const Result<std::uint64_t> tables = candidate.tables.sum();
    if (!tables) return tables.error();
    std::string trespass;
    Result<OutputCheck> check = run_twice(candidate, *tables, trespass);
    // The damage may be another's, done while it was timed. In buffers that are whole again, it is this one's.
    if (check && check->damage) check = run_twice(candidate, *tables, trespass);
    if (!check) return check.error();
    measurement.error = check->error;
    // Memory of its own comes first: a kernel that spoils it computes something else at the second launch, which says
    // less.
    const std::string& fault = trespass.empty() ? check->fault : trespass;
    if (!fault.empty()) refuse(measurement, TrialStatus::wrong_result, fault);
    return {};
  }

  /// Twice, so that what is right only in memory that no launch has seen is found. `trespass`: one sentence, where
  /// the kernels wrote what they must not of the candidate's own memory.
  Result<OutputCheck> run_twice(Candidate& candidate, std::uint64_t tables, std::string& trespass) {
    Result<std::string> made = make_spectrum(candidate);
    if (!made) return made.error();
    const Result<std::uint64_t> spectrum = candidate.spectrum.sum();
    if (!spectrum) return spectrum.error();
    if (auto launched = launch_over_poison(candidate); !launched) return launched.error();
    const Result<OutputComparison> first = tensors_->compare();
    if (!first) return first.error();
    if (tensors_->is_right(*first)) {
      if (auto launched = launch_over_poison(candidate); !launched) return launched.error();
    }
    Result<OutputCheck> check = tensors_->check(*first);
    if (!check) return check;
    const Result<std::string> found = trespass_of(candidate, *spectrum, tables);
    if (!found) return found.error();
    for (const std::string& sentence : {*made, *found}) {
      if (trespass.empty()) trespass = sentence;
    }
    return check;
  }

  Result<void> launch_over_poison(const Candidate& candidate) {
    const ReadyKernel& kernel = *candidate.plan.state().kernel;
    if (auto poisoned = tensors_->poison(); !poisoned) return poisoned;
    auto launched = kernel.loaded->launch(kernel.source.convolution, arguments(candidate, 0), nullptr);
    if (!launched) return launched;
    return kernel.device->synchronize(nullptr);
  }

  /// `spectrum`, `tables`: their sums when they were made.
  static Result<std::string> trespass_of(const Candidate& candidate, std::uint64_t spectrum, std::uint64_t tables) {
    struct Own {
      const char* beside;
      const char* input;
      const GuardedBuffer& buffer;
      std::uint64_t sum;
    };
    for (const Own& own : {Own{"the spectrum", "its spectrum", candidate.spectrum, spectrum},
                           Own{"its tables", "its tables", candidate.tables, tables}}) {
      const Result<bool> intact = own.buffer.intact();
      if (!intact) return intact.error();
      if (!*intact) return beside(own.beside);
      const Result<std::uint64_t> sum = own.buffer.sum();
      if (!sum) return sum.error();
      if (*sum != own.sum) return fmt::format("The kernel changed its input: {}.", own.input);
    }
    return std::string();
  }

  static std::string beside(const char* buffer) {
    return fmt::format("The kernel wrote outside its buffers, beside {}.", buffer);
  }

  // Where the spectrum's kernel wrote beside its scratch memory a sentence comes back.
  Result<std::string> make_spectrum(Candidate& candidate) {
    const ReadyKernel& kernel = *candidate.plan.state().kernel;
    if (!reads_filter(problem_)) return std::string();
    Result<GuardedBuffer> scratch =
        GuardedBuffer::make(context_.device(), static_cast<std::size_t>(kernel.source.spectrum_scratch_bytes));
    if (!scratch) return scratch.error();
    // NaN, so that a kernel which reads what it never wrote is not right by what lay there before.
    if (auto poisoned = scratch->poison(); !poisoned) return poisoned.error();
    if (auto poisoned = candidate.spectrum.poison(); !poisoned) return poisoned.error();
    KernelArgs args = base_args(kernel);
    args.filter = tensors_->filter();
    args.spectrum = candidate.spectrum.data();
    args.scratch = scratch->data();
    if (candidate.tables.size() > 0) args.tables = candidate.tables.data();
    if (auto made = run_spectrum(kernel, args, nullptr); !made) return made.error();
    const Result<bool> intact = scratch->intact();
    if (!intact) return intact.error();
    return *intact ? std::string() : beside("the spectrum's scratch memory");
  }

  Context& context_;
  Problem problem_;
  MeasurePolicy policy_;
  std::unique_ptr<TestTensors> tensors_;
  int next_set_ = 0;
  std::map<std::string, Candidate> candidates_;
  std::mutex mutex_;
  std::map<std::string, Result<Plan>> compiled_;
};

}  // namespace

void Runner::until(const Clock&, double, const std::function<bool()>&) {}

Result<std::unique_ptr<Runner>> make_runner(Context& context, const Problem& problem, const MeasurePolicy& policy) {
  if (context.device().facts().kind == DeviceKind::sim) {
    return unsupported("The simulated device has no time to measure: use the cuda or the cpu device.");
  }
  Result<std::unique_ptr<TestTensors>> tensors = TestTensors::make(context.device(), problem, policy);
  if (!tensors) return tensors.error();
  return std::unique_ptr<Runner>(
      std::make_unique<InProcessRunner>(context, problem, policy, std::move(tensors).value()));
}

}  // namespace fftconv
