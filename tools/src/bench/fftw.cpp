// FFTW through its own prototypes: fftw3.h is needed neither to build nor to run without it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "bench/aligned.h"
#include "bench/contender.h"
#include "bench/row_transform.h"
#include "library.h"

namespace fftconv::tools {
namespace {

using Complex = float[2];
using Plan = struct fftwf_plan_s*;
constexpr unsigned kMeasure = 0, kPatient = 1U << 5;  // FFTW_MEASURE, FFTW_PATIENT
constexpr double kNoLimit = -1;                       // FFTW_NO_TIMELIMIT
constexpr int kFewestRuns = 7;
constexpr double kLeastSeconds = 0.02;
constexpr double kTie = 1.02;  // a patient plan is slower only beyond what clocks scatter

struct Functions {
  Plan (*plan_r2c)(int, float*, Complex*, unsigned) = nullptr;
  Plan (*plan_c2r)(int, Complex*, float*, unsigned) = nullptr;
  void (*execute_r2c)(Plan, float*, Complex*) = nullptr;
  void (*execute_c2r)(Plan, Complex*, float*) = nullptr;
  void (*destroy_plan)(Plan) = nullptr;
  void (*set_timelimit)(double) = nullptr;
  void (*forget_wisdom)() = nullptr;
  int (*read_wisdom)(const char*) = nullptr;
  int (*write_wisdom)(const char*) = nullptr;
  const char* version = nullptr;
};

Result<Functions> load(const Library& library) {
  Functions f;
  f.plan_r2c = library.find<Plan(int, float*, Complex*, unsigned)>("fftwf_plan_dft_r2c_1d");
  f.plan_c2r = library.find<Plan(int, Complex*, float*, unsigned)>("fftwf_plan_dft_c2r_1d");
  f.execute_r2c = library.find<void(Plan, float*, Complex*)>("fftwf_execute_dft_r2c");
  f.execute_c2r = library.find<void(Plan, Complex*, float*)>("fftwf_execute_dft_c2r");
  f.destroy_plan = library.find<void(Plan)>("fftwf_destroy_plan");
  f.set_timelimit = library.find<void(double)>("fftwf_set_timelimit");
  f.forget_wisdom = library.find<void()>("fftwf_forget_wisdom");
  f.read_wisdom = library.find<int(const char*)>("fftwf_import_wisdom_from_filename");
  f.write_wisdom = library.find<int(const char*)>("fftwf_export_wisdom_to_filename");
  f.version = reinterpret_cast<const char*>(library.find<void()>("fftwf_version"));
  if (f.plan_r2c == nullptr || f.plan_c2r == nullptr || f.execute_r2c == nullptr || f.execute_c2r == nullptr ||
      f.destroy_plan == nullptr || f.set_timelimit == nullptr || f.forget_wisdom == nullptr ||
      f.read_wisdom == nullptr || f.write_wisdom == nullptr) {
    return Error{ErrorCode::dependency_missing, library.name() + " lacks functions of FFTW 3; it is not compared"};
  }
  return f;
}

/// A plan and its way back.
class Pair {
 public:
  Pair(const Functions& f, std::int64_t points, unsigned flags, float* real, Complex* bins)
      : f_(&f),
        forward_(f.plan_r2c(static_cast<int>(points), real, bins, flags)),
        inverse_(f.plan_c2r(static_cast<int>(points), bins, real, flags)) {}
  Pair(Pair&& other) noexcept
      : f_(other.f_),
        forward_(std::exchange(other.forward_, nullptr)),
        inverse_(std::exchange(other.inverse_, nullptr)) {}
  Pair& operator=(Pair&& other) noexcept {
    std::swap(f_, other.f_);
    std::swap(forward_, other.forward_);
    std::swap(inverse_, other.inverse_);
    return *this;
  }
  ~Pair() {
    if (forward_ != nullptr) f_->destroy_plan(forward_);
    if (inverse_ != nullptr) f_->destroy_plan(inverse_);
  }

  bool complete() const { return forward_ != nullptr && inverse_ != nullptr; }
  void forward(float* x, Complex* z) const { f_->execute_r2c(forward_, x, z); }
  void inverse(Complex* z, float* y) const { f_->execute_c2r(inverse_, z, y); }

 private:
  const Functions* f_;
  Plan forward_, inverse_;
};

/// The least of runs there and back: seven, and more of short ones, whose first find the caches cold.
double seconds_of(const Pair& pair, std::int64_t points, float* real, Complex* bins) {
  using Seconds = std::chrono::duration<double>;
  const auto begin = std::chrono::steady_clock::now();
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kFewestRuns || Seconds(std::chrono::steady_clock::now() - begin).count() < kLeastSeconds; ++i) {
    std::fill_n(real, points, 1.0f);  // each run multiplies by `points`, which would not stay finite
    const auto start = std::chrono::steady_clock::now();
    pair.forward(real, bins);
    pair.inverse(bins, real);
    least = std::min(least, Seconds(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

class Fftw : public RowTransform {
 public:
  Fftw(std::int64_t points, Library library, const Functions& functions)
      : RowTransform(points), library_(std::move(library)), f_(functions) {}

  Result<void> prepare(FftwEffort effort, const FftwOptions& options) {
    AlignedFloats real(static_cast<std::size_t>(points())), bins(static_cast<std::size_t>(spectrum_floats()));
    auto* const z = reinterpret_cast<Complex*>(bins.data());
    // What a more patient planner learnt would answer for a measured plan, too.
    f_.forget_wisdom();
    f_.set_timelimit(kNoLimit);
    plans_.emplace_back(f_, points(), kMeasure, real.data(), z);
    if (!plans_.back().complete()) return unsupported(fmt::format("FFTW makes no plan for {} points", points()));
    how_ = "MEASURE";
    if (effort == FftwEffort::measure) return {};
    return be_patient(options, real.data(), z);
  }

  std::string name() const override {
    return fmt::format("{}, r2c at {}, {}", f_.version == nullptr ? "FFTW" : f_.version, points(), how_);
  }
  void forward(const float* x, float* z, float*) const override {
    // Out of place this direction leaves its input; the prototype does not say so.
    plans_.back().forward(const_cast<float*>(x), reinterpret_cast<Complex*>(z));
  }
  void inverse(float* z, float* y, float*) const override { plans_.back().inverse(reinterpret_cast<Complex*>(z), y); }

 private:
  Result<void> be_patient(const FftwOptions& options, float* real, Complex* bins) {
    if (!options.wisdom.empty()) f_.read_wisdom(options.wisdom.c_str());
    f_.set_timelimit(options.limit_s);
    const auto start = std::chrono::steady_clock::now();
    Pair patient(f_, points(), kPatient, real, bins);
    const std::chrono::duration<double> planning = std::chrono::steady_clock::now() - start;
    f_.set_timelimit(kNoLimit);
    if (!patient.complete()) return unsupported(fmt::format("FFTW makes no patient plan for {} points", points()));
    const double measured_s = seconds_of(plans_.back(), points(), real, bins);
    const double patient_s = seconds_of(patient, points(), real, bins);
    if (patient_s > kTie * measured_s) {
      how_ = fmt::format("MEASURE (PATIENT {} a plan that takes {:.2f} times as long)",
                         planning.count() > options.limit_s ? "ran out of its time and fell back to" : "chose",
                         patient_s / measured_s);
      return {};
    }
    how_ = "PATIENT";
    plans_.back() = std::move(patient);
    if (options.wisdom.empty() || f_.write_wisdom(options.wisdom.c_str()) != 0) return {};
    return Error{ErrorCode::io, fmt::format("FFTW's wisdom cannot be written to '{}'", options.wisdom)};
  }

  Library library_;
  Functions f_;
  std::vector<Pair> plans_;  ///< one, once it is made
  std::string how_;
};

}  // namespace

MadeTransform make_fftw(const Problem& problem, const std::string& library, FftwEffort effort,
                        const FftwOptions& options) {
  const auto opened = Library::open(std::span(&library, 1), "FFTW is not compared");
  if (!opened) return opened.error();
  const auto functions = load(*opened);
  if (!functions) return functions.error();
  auto fftw = std::make_unique<Fftw>(padded_length(problem), *opened, *functions);
  if (const auto ready = fftw->prepare(effort, options); !ready) return ready.error();
  return std::unique_ptr<RowTransform>(std::move(fftw));
}

}  // namespace fftconv::tools
