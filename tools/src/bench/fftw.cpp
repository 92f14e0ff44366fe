// FFTW beside us on the CPU, through its own prototypes: fftw3.h is needed neither to build nor to run without it.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "bench/contender.h"
#include "bench/row_workers.h"
#include "library.h"

namespace fftconv::tools {
namespace {

using Complex = float[2];
using Plan = struct fftwf_plan_s*;
constexpr unsigned kMeasure = 0;  // FFTW_MEASURE

struct Functions {
  Plan (*plan_r2c)(int, float*, Complex*, unsigned) = nullptr;
  Plan (*plan_c2r)(int, Complex*, float*, unsigned) = nullptr;
  void (*execute_r2c)(Plan, float*, Complex*) = nullptr;
  void (*execute_c2r)(Plan, Complex*, float*) = nullptr;
  void (*destroy_plan)(Plan) = nullptr;
  void* (*allocate)(std::size_t) = nullptr;
  void (*release)(void*) = nullptr;
  const char* version = nullptr;
};

Result<Functions> load(const Library& library) {
  Functions f;
  f.plan_r2c = library.find<Plan(int, float*, Complex*, unsigned)>("fftwf_plan_dft_r2c_1d");
  f.plan_c2r = library.find<Plan(int, Complex*, float*, unsigned)>("fftwf_plan_dft_c2r_1d");
  f.execute_r2c = library.find<void(Plan, float*, Complex*)>("fftwf_execute_dft_r2c");
  f.execute_c2r = library.find<void(Plan, Complex*, float*)>("fftwf_execute_dft_c2r");
  f.destroy_plan = library.find<void(Plan)>("fftwf_destroy_plan");
  f.allocate = library.find<void*(std::size_t)>("fftwf_malloc");
  f.release = library.find<void(void*)>("fftwf_free");
  f.version = reinterpret_cast<const char*>(library.find<void()>("fftwf_version"));
  if (f.plan_r2c == nullptr || f.plan_c2r == nullptr || f.execute_r2c == nullptr || f.execute_c2r == nullptr ||
      f.destroy_plan == nullptr || f.allocate == nullptr || f.release == nullptr) {
    return Error{ErrorCode::dependency_missing, library.name() + " lacks functions of FFTW 3; it is not compared"};
  }
  return f;
}

class Fftw : public Contender {
 public:
  Fftw(const BenchData& data, int threads, Library library, const Functions& functions)
      : data_(data),
        library_(std::move(library)),
        f_(functions),
        n_(padded_length(data.problem)),
        bins_(n_ / 2 + 1),
        workers_(threads),
        y_(data.u.size()) {}

  ~Fftw() override {
    if (forward_ != nullptr) f_.destroy_plan(forward_);
    if (inverse_ != nullptr) f_.destroy_plan(inverse_);
    for (float* scratch : scratch_) f_.release(scratch);
  }

  Result<void> prepare() {
    const auto bytes = static_cast<std::size_t>(n_ + 2 * bins_ + 16) * sizeof(float);
    for (int i = 0; i < workers_.threads(); ++i) {
      auto* const scratch = static_cast<float*>(f_.allocate(bytes));
      if (scratch == nullptr) return Error{ErrorCode::out_of_memory, "there is not enough memory for FFTW"};
      scratch_.push_back(scratch);
    }
    forward_ = f_.plan_r2c(static_cast<int>(n_), real(0), bins(0), kMeasure);
    inverse_ = f_.plan_c2r(static_cast<int>(n_), bins(0), real(0), kMeasure);
    if (forward_ == nullptr || inverse_ == nullptr) {
      return unsupported(fmt::format("FFTW makes no plan for {} points", n_));
    }
    const std::int64_t filters = filter_count(data_.problem);
    spectra_.resize(static_cast<std::size_t>(filters * bins_ * 2));
    for (std::int64_t f = 0; f < filters; ++f) {
      const std::vector<float> period = periodic_filter(data_, f, n_);
      std::copy(period.begin(), period.end(), real(0));
      f_.execute_r2c(forward_, real(0), bins(0));
      // The inverse is not normalised; the filter carries the factor.
      float* const to = spectra_.data() + f * bins_ * 2;
      const float* const from = &bins(0)[0][0];
      for (std::int64_t i = 0; i < 2 * bins_; ++i) to[i] = from[i] / static_cast<float>(n_);
    }
    return {};
  }

  std::string name() const override {
    return fmt::format("{}, r2c at {}, MEASURE, {} threads", f_.version == nullptr ? "FFTW" : f_.version, n_,
                       workers_.threads());
  }

  Result<void> run() override {
    const std::int64_t rows = data_.problem.batch * data_.problem.channels;
    workers_.run([&](int thread) {
      const std::int64_t first = rows * thread / workers_.threads();
      const std::int64_t last = rows * (thread + 1) / workers_.threads();
      for (std::int64_t row = first; row < last; ++row) convolve(row, thread);
    });
    return {};
  }

  Result<std::vector<float>> result() override { return y_; }

 private:
  float* real(int thread) const { return scratch_[static_cast<std::size_t>(thread)]; }
  /// Past the real points, at the alignment that the plans were made for.
  Complex* bins(int thread) const { return reinterpret_cast<Complex*>(real(thread) + (n_ + 15) / 16 * 16); }

  std::int64_t filter_of(std::int64_t row) const {
    const Problem& p = data_.problem;
    if (p.sharing == FilterSharing::per_example) return row;
    const std::int64_t h = row % p.channels;
    return p.sharing == FilterSharing::per_channel ? h : h / (p.channels / p.groups);
  }

  void convolve(std::int64_t row, int thread) {
    const std::int64_t length = data_.problem.seqlen;
    float* const x = real(thread);
    Complex* const z = bins(thread);
    std::memcpy(x, data_.u.data() + row * length, static_cast<std::size_t>(length) * sizeof(float));
    std::fill(x + length, x + n_, 0.0f);
    f_.execute_r2c(forward_, x, z);
    const float* const k = spectra_.data() + filter_of(row) * bins_ * 2;
    for (std::int64_t i = 0; i < bins_; ++i) {
      const float re = z[i][0] * k[2 * i] - z[i][1] * k[2 * i + 1];
      z[i][1] = z[i][0] * k[2 * i + 1] + z[i][1] * k[2 * i];
      z[i][0] = re;
    }
    f_.execute_c2r(inverse_, z, x);
    std::memcpy(y_.data() + row * length, x, static_cast<std::size_t>(length) * sizeof(float));
  }

  const BenchData& data_;
  Library library_;
  Functions f_;
  std::int64_t n_, bins_;
  RowWorkers workers_;
  std::vector<float*> scratch_;  ///< of each thread: n reals, then bins
  std::vector<float> spectra_;   ///< (filters, bins, 2)
  std::vector<float> y_;
  Plan forward_ = nullptr, inverse_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Contender>> make_fftw(const BenchData& data, int threads) {
  const auto library = Library::open(fftw_names(), "FFTW is not compared; install libfftw3-single3");
  if (!library) return library.error();
  const auto functions = load(*library);
  if (!functions) return functions.error();
  auto fftw = std::make_unique<Fftw>(data, threads, *library, *functions);
  if (const auto ready = fftw->prepare(); !ready) return ready.error();
  return std::unique_ptr<Contender>(std::move(fftw));
}

}  // namespace fftconv::tools
