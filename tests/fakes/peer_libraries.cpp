// The calls that fftconv-bench makes of FFTW, PFFFT, KFR and MKL, answered by a DFT in fp64 that follows its
// definition.
#include <cmath>
#include <complex>
#include <cstdarg>
#include <cstddef>
#include <cstdlib>
#include <numbers>
#include <vector>

namespace {

using Bins = std::vector<std::complex<double>>;

Bins transform(const float* x, std::size_t n) {
  Bins bins(n / 2 + 1);
  for (std::size_t k = 0; k < bins.size(); ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      const double angle = -2 * std::numbers::pi * static_cast<double>(i * k % n) / static_cast<double>(n);
      bins[k] += std::polar(static_cast<double>(x[i]), angle);
    }
  }
  return bins;
}

void transform_back(const Bins& bins, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < bins.size(); ++k) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i * k % n) / static_cast<double>(n);
      const bool twice = k > 0 && 2 * k != n;
      sum += (twice ? 2 : 1) * (bins[k] * std::polar(1.0, angle)).real();
    }
    y[i] = static_cast<float>(sum);
  }
}

void forward_pairs(const float* x, std::size_t n, float* z) {
  const Bins bins = transform(x, n);
  for (std::size_t k = 0; k < bins.size(); ++k) {
    z[2 * k] = static_cast<float>(bins[k].real());
    z[2 * k + 1] = static_cast<float>(bins[k].imag());
  }
}

void backward_pairs(const float* z, std::size_t n, float* y) {
  Bins bins(n / 2 + 1);
  for (std::size_t k = 0; k < bins.size(); ++k) bins[k] = {z[2 * k], z[2 * k + 1]};
  transform_back(bins, n, y);
}

// PFFFT's internal order is its own affair: here the first two floats are the bins without imaginary part, and the
// others follow from the last to the first.
std::size_t place(std::size_t n, std::size_t k) { return n - 2 * k; }

Bins unpack(const float* z, std::size_t n) {
  Bins bins(n / 2 + 1);
  bins.front() = z[0];
  bins.back() = z[1];
  for (std::size_t k = 1; k < n / 2; ++k) bins[k] = {z[place(n, k)], z[place(n, k) + 1]};
  return bins;
}

void pack(const Bins& bins, std::size_t n, float* z) {
  z[0] = static_cast<float>(bins.front().real());
  z[1] = static_cast<float>(bins.back().real());
  for (std::size_t k = 1; k < n / 2; ++k) {
    z[place(n, k)] = static_cast<float>(bins[k].real());
    z[place(n, k) + 1] = static_cast<float>(bins[k].imag());
  }
}

constexpr unsigned kPatient = 1U << 5;
struct Plan {
  std::size_t points;
  int repeats = 1;
};

Plan* make_plan(int n) { return new Plan{static_cast<std::size_t>(n)}; }

/// Patience makes 64 points slow, as with too little time, and 80 and 200 points fast: by so much, and in runs so
/// short, that a busy machine does not hide it.
Plan* make_fftw_plan(int n, unsigned flags) {
  const bool patient = (flags & kPatient) != 0, slow = n == 64 ? patient : (n == 80 || n == 200) && !patient;
  return new Plan{static_cast<std::size_t>(n), slow ? 50 : 1};
}

struct MklVersion {
  int major, minor, update;
  const char *status, *build, *processor, *platform;
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

// FFTW 3
EXPORT const char fftwf_version[] = "fake-fftw-3";
EXPORT void* fftwf_plan_dft_r2c_1d(int n, float*, float*, unsigned flags) { return make_fftw_plan(n, flags); }
EXPORT void* fftwf_plan_dft_c2r_1d(int n, float*, float*, unsigned flags) { return make_fftw_plan(n, flags); }
EXPORT void fftwf_execute_dft_r2c(Plan* plan, float* x, float* z) {
  for (int i = 0; i < plan->repeats; ++i) forward_pairs(x, plan->points, z);
}
EXPORT void fftwf_execute_dft_c2r(Plan* plan, float* z, float* y) {
  for (int i = 0; i < plan->repeats; ++i) backward_pairs(z, plan->points, y);
}
EXPORT void fftwf_destroy_plan(Plan* plan) { delete plan; }
EXPORT void fftwf_set_timelimit(double) {}
EXPORT void fftwf_forget_wisdom() {}
EXPORT int fftwf_import_wisdom_from_filename(const char*) { return 0; }
EXPORT int fftwf_export_wisdom_to_filename(const char*) { return 0; }  // a disk that is full

// PFFFT
EXPORT void* pffft_new_setup(int n, int) { return n % 32 == 0 ? make_plan(n) : nullptr; }
EXPORT void pffft_destroy_setup(Plan* plan) { delete plan; }
EXPORT int pffft_simd_size() { return 4; }
EXPORT void pffft_transform(Plan* plan, const float* in, float* out, float*, int backward) {
  if (backward != 0) {
    transform_back(unpack(in, plan->points), plan->points, out);
  } else {
    pack(transform(in, plan->points), plan->points, out);
  }
}
EXPORT void pffft_zconvolve_no_accu(Plan* plan, const float* a, const float* b, float* ab, float scaling) {
  Bins x = unpack(a, plan->points);
  const Bins k = unpack(b, plan->points);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= k[i] * static_cast<double>(scaling);
  pack(x, plan->points, ab);
}

// KFR
EXPORT const char* kfr_version_string() { return "KFR fake"; }
EXPORT void* kfr_dft_real_create_plan_f32(std::size_t n, int) { return make_plan(static_cast<int>(n)); }
EXPORT void kfr_dft_real_delete_plan_f32(Plan* plan) { delete plan; }
EXPORT std::size_t kfr_dft_real_get_temp_size_f32(Plan* plan) { return plan->points; }
EXPORT void kfr_dft_real_execute_f32(Plan* plan, float* out, const float* in, unsigned char* scratch) {
  scratch[plan->points - 1] = 1;  // what was asked for is there
  forward_pairs(in, plan->points, out);
}
EXPORT void kfr_dft_real_execute_inverse_f32(Plan* plan, float* out, const float* in, unsigned char* scratch) {
  scratch[plan->points - 1] = 1;
  backward_pairs(in, plan->points, out);
}

// MKL's DFTI
EXPORT int mkl_serv_intel_cpu_true() { return 0; }
EXPORT int MKL_Set_Threading_Layer(int layer) { return layer; }
EXPORT void MKL_Get_Version(MklVersion* version) {
  const bool full = mkl_serv_intel_cpu_true() != 0;
  *version = {2021, 0, 1, "", "", full ? "the widest vectors" : "any processor", ""};
}
EXPORT long DftiCreateDescriptor_s_1d(Plan** plan, int domain, ...) {
  std::va_list list;
  va_start(list, domain);
  *plan = make_plan(static_cast<int>(va_arg(list, long)));
  va_end(list);
  return domain == 33 ? 0 : 1;
}
EXPORT long DftiSetValue(Plan*, int parameter, ...) {
  std::va_list list;
  va_start(list, parameter);
  const int value = va_arg(list, int);
  va_end(list);
  return (parameter == 11 && value == 44) || (parameter == 10 && value == 39) ? 0 : 1;
}
EXPORT long DftiCommitDescriptor(Plan*) { return 0; }
EXPORT long DftiComputeForward(Plan* plan, float* in, float* out) {
  forward_pairs(in, plan->points, out);
  return 0;
}
EXPORT long DftiComputeBackward(Plan* plan, float* in, float* out) {
  backward_pairs(in, plan->points, out);
  return 0;
}
EXPORT long DftiFreeDescriptor(Plan** plan) {
  delete *plan;
  *plan = nullptr;
  return 0;
}
