// Plan: an immutable, ready-to-run convolution. Context: a device with its memory of what is fastest.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fftconv/calibration.h"
#include "fftconv/device.h"
#include "fftconv/tuning_db.h"

namespace fftconv {

/// How much work plan() may do to find the fastest kernel.
enum class Rigor {
  estimate,     ///< never measures: database, else cost model (default)
  measure,      ///< measures the model's best few
  patient,      ///< measures many, within the budget
  exhaustive,   ///< measures all
  cached_only,  ///< neither measures nor compiles: a cached binary or an error
};
const char* to_string(Rigor rigor);
Result<Rigor> parse_rigor(std::string_view text);

struct PlanOptions {
  Rigor rigor = Rigor::estimate;
  double budget_s = 10;  ///< for measure and patient
  /// The stream that the caller is launching on. While it is captured into a graph, only a plan that is in memory is
  /// given (error busy otherwise): nothing is compiled, allocated or waited for. Null asks the default stream, and
  /// the driver tells that one only of captured streams that wait for it: a stream that was made non-blocking, as
  /// PyTorch's are, must be named here, and to make_spectrum(), or all be made before its capture begins. Where it is
  /// not named, a plan is compiled and loaded beside the capture, and make_spectrum() ends the capture with an error.
  Stream stream = nullptr;
};

/// A filter's spectrum on the device, in the order that one plan's kernel reads. Opaque; freed with the object.
class FilterSpectrum {
 public:
  const void* data() const;
  std::size_t size() const;
  struct State;
  explicit FilterSpectrum(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  const State& state() const { return *state_; }

 private:
  std::shared_ptr<const State> state_;
};

/// Device addresses for one call. Rows are dense (B, H, L) unless the problem's strides say otherwise.
struct ConvolutionBuffers {
  const void* u = nullptr;  ///< (B, H, L), io type
  void* y = nullptr;        ///< (B, H, L), io type; may not overlap u
  const FilterSpectrum* spectrum = nullptr;
  const void* pregate = nullptr;   ///< w, like u
  const void* postgate = nullptr;  ///< v, like y
  const void* skip = nullptr;      ///< D, fp32 (H)
  // Direction backward_filter reads u and dy and writes dk; it has neither y nor spectrum.
  const void* dy = nullptr;  ///< (B, H, L), io type
  void* dk = nullptr;        ///< (filters, Lk) in filter_type(); may overlap no input
  // A problem with carry: what the blocks before leave, and what this one leaves, (B, H, Lk - 1) in filter_type().
  const void* carry_in = nullptr;  ///< null: zeros, a stream begins
  void* carry_out = nullptr;       ///< may be carry_in itself
  // Of Context::plan_partitioned(): the spectra of earlier blocks, KernelSource::history_bytes, read and written.
  void* history = nullptr;
  std::int64_t blocks = 0;  ///< earlier ones of the stream; 0 begins one, whatever `history` holds
};

class Plan {
 public:
  const Problem& problem() const;
  const KernelConfig& config() const;
  const KernelSource& source() const;
  const CompiledKernel& kernel() const;
  Provenance provenance() const;
  /// What was chosen and why, for people.
  std::string explain() const;

  /// Spectrum of `filter`, a device address of (filters, Lk) in filter_type(). Allocates; synchronous on return.
  /// Errors: busy while `stream` is captured (see PlanOptions::stream); invalid_argument where the plan computes the
  /// filter's gradient.
  Result<FilterSpectrum> make_spectrum(const void* filter, Stream stream = nullptr) const;

  /// y = conv(u, k). Takes no lock, allocates nothing; safe from many threads and while a stream is captured.
  /// Errors: invalid_argument for a null pointer or a spectrum of another plan; launch_failed.
  Result<void> execute(const ConvolutionBuffers& buffers, Stream stream = nullptr) const;

  struct State;
  explicit Plan(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  const State& state() const { return *state_; }
  const std::shared_ptr<const State>& shared_state() const { return state_; }

 private:
  std::shared_ptr<const State> state_;
};

class AsyncPlan;

class WorkerPool;

struct ContextOptions {
  std::filesystem::path cache_directory;  ///< empty: default_cache_directory()
  bool use_disk = true;                   ///< false: databases in memory
  /// File that the problems planned and executed here are added to, with counts; empty: settings().capture. See
  /// capture.h and `fftconv-tune replay`.
  std::filesystem::path capture;
  /// Where plan() measures: the processes that candidates are compiled and run in, as `fftconv-tune sweep` does, so
  /// that one that crashes or hangs costs its own trial and not the application. make_worker_pool() of worker.h makes
  /// one, with limits of time and memory. Null: candidates run in this process. A plan's own kernel always does.
  std::shared_ptr<WorkerPool> workers;
  LogCallback log;  ///< may be called from threads of the context, until it is gone
};

/// A device, its databases and the plans made so far. Thread-safe.
class Context {
 public:
  static Result<std::shared_ptr<Context>> create(std::shared_ptr<Device> device, const ContextOptions& options = {});
  virtual ~Context() = default;

  virtual Device& device() = 0;
  virtual const Environment& environment() const = 0;

  /// The plan for a problem. One found in memory costs about 100 ns and no lock. Errors: unsupported,
  /// invalid_argument; where the rigor measures those of search() and, with ContextOptions::workers, of
  /// make_worker_runner().
  virtual Result<Plan> plan(const Problem& problem, const PlanOptions& options = {}) = 0;
  /// A plan to begin with at once, while the one that plan() would give is made in the background: see async_plan.h.
  virtual Result<AsyncPlan> plan_async(const Problem& problem, const PlanOptions& options = {}) = 0;
  /// The plan of one given candidate: compiled or from the cache. Not counted in a capture.
  virtual Result<Plan> plan_config(const Problem& problem, const KernelConfig& config) = 0;

  /// The same for a block of a stream with a filter of `partitions` x L taps: see emit_partitioned(). Its spectrum is
  /// made from (filters, partitions x L) taps; StreamingConvolution does all this. In a capture its executions are
  /// those of `block`.
  virtual Result<Plan> plan_partitioned(const Problem& block, const KernelConfig& config,
                                        std::int64_t partitions) = 0;

  /// The binary of a source in the cache, and its way in, for those who compile elsewhere. Neither loads it.
  virtual std::optional<CompiledKernel> cached_kernel(const KernelSource& source) = 0;
  virtual void keep_kernel(const KernelSource& source, const CompiledKernel& kernel) = 0;

  /// The cost model's calibration by the trials of this device under a policy (Environment::policy); null where they
  /// are too few. Made when first asked for and again when the database has grown by a quarter.
  virtual std::shared_ptr<const Calibration> calibration(const std::string& policy) = 0;

  /// Runs `use` with the tuning database, under its lock.
  virtual void with_database(const std::function<void(TuningDb&)>& use) = 0;
};

}  // namespace fftconv
