#include "suite/cufft.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "cuda/dynamic_library.h"
#include "cuda/nvrtc_library.h"
#include "fftconv/settings.h"
#include "fftconv/statistics.h"

namespace fftconv::gpu_suite {

struct CufftFunctions {
  int version = 0;
  int (*plan_many)(int*, int rank, int* n, int* in_embed, int in_stride, int in_distance, int* out_embed,
                   int out_stride, int out_distance, int type, int batch) = nullptr;
  int (*destroy)(int) = nullptr;
  int (*forward)(int, float*, void*) = nullptr;
  int (*inverse)(int, void*, float*) = nullptr;
};

namespace {

constexpr int kRealToComplex = 0x2a, kComplexToReal = 0x2c;
constexpr std::int64_t kWorkBytes = std::int64_t{16} << 30;  ///< of padded rows and their spectra at a time

// args: u or y rows of `seqlen` samples of the type `groups`, padded rows of `filter_len` floats.
constexpr const char* kPad = R"(
FFTCONV_KERNEL(pad, 512, 4)(const fftconv_args args) {
  const long long total = args.batch * args.filter_len, stride = (long long)gridDim.x * blockDim.x;
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < total; i += stride) {
    const long long row = i / args.filter_len, n = i - row * args.filter_len;
    float value = 0.0f;
    if (n < args.seqlen) {
      const long long at = row * args.seqlen + n;
      if (args.filters == 2) value = ((const float*)args.u)[at];
      else {
        const vu bits = ((const unsigned short*)args.u)[at];
        value = args.filters == 0 ? f16x2_low(bits) : bf16x2_low(bits);
      }
    }
    ((float*)args.y)[i] = value;
  }
}
)";
constexpr const char* kCrop = R"(
FFTCONV_KERNEL(crop, 512, 4)(const fftconv_args args) {
  const long long total = args.batch * args.seqlen, stride = (long long)gridDim.x * blockDim.x;
  const float scale = 1.0f / (float)args.filter_len;
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < total; i += stride) {
    const long long row = i / args.seqlen, n = i - row * args.seqlen;
    const float value = scale * ((const float*)args.u)[row * args.filter_len + n];
    if (args.filters == 2) ((float*)args.y)[i] = value;
    else ((unsigned short*)args.y)[i] =
        (unsigned short)(args.filters == 0 ? pack_f16x2(value, 0.0f) : pack_bf16x2(value, 0.0f));
  }
}
)";
// y *= spectrum: rows of `seqlen` complex points; row r of a chunk that begins at row `filters` uses filter r %
// channels.
constexpr const char* kMultiply = R"(
FFTCONV_KERNEL(multiply, 512, 4)(const fftconv_args args) {
  const long long total = args.batch * args.seqlen, stride = (long long)gridDim.x * blockDim.x;
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < total; i += stride) {
    const long long row = i / args.seqlen, k = i - row * args.seqlen;
    const float2 a = ((const float2*)args.y)[i];
    const float2 b = ((const float2*)args.u)[(args.filters + row) % args.channels * args.seqlen + k];
    ((float2*)args.y)[i] = make_float2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
  }
}
)";

SmallKernel strided(const char* name, const char* text, int sm_count) {
  return {{.name = name, .grid = {sm_count * 4, 1, 1}, .threads = 512}, text};
}

/// A cuFFT plan for rows of `points` real samples.
class FftPlan {
 public:
  static Result<FftPlan> make(const CufftFunctions& cufft, int type, std::int64_t points, std::int64_t rows) {
    FftPlan made(cufft);
    int n = static_cast<int>(points);
    const int spectrum = n / 2 + 1;
    const bool forward = type == kRealToComplex;
    const int status = cufft.plan_many(&made.plan_, 1, &n, nullptr, 1, forward ? n : spectrum, nullptr, 1,
                                       forward ? spectrum : n, type, static_cast<int>(rows));
    if (status != 0) {
      return Error{ErrorCode::out_of_memory,
                   fmt::format("cuFFT makes no plan for {} rows of {} points (status {}).", rows, points, status)};
    }
    made.valid_ = true;
    return made;
  }
  FftPlan(FftPlan&& other) noexcept : cufft_(other.cufft_), plan_(other.plan_), valid_(other.valid_) {
    other.valid_ = false;
  }
  FftPlan& operator=(FftPlan&&) = delete;
  ~FftPlan() {
    if (valid_) cufft_.destroy(plan_);
  }
  int handle() const { return plan_; }

 private:
  explicit FftPlan(const CufftFunctions& cufft) : cufft_(cufft) {}
  const CufftFunctions& cufft_;
  int plan_ = 0;
  bool valid_ = false;
};

/// Everything that one call of the sequence needs.
struct Sequence {
  const CufftFunctions& cufft;
  const Problem& problem;
  KernelArgs args;
  ReadyKernel pad, crop, multiply;
  std::int64_t points = 0, spectrum = 0, chunk = 0;
  std::unique_ptr<DeviceBuffer> rows, spectra, filters;
  std::unique_ptr<FftPlan> forward, inverse;

  std::byte* offset(const void* base, std::int64_t row) const {
    return static_cast<std::byte*>(const_cast<void*>(base)) +
           row * problem.seqlen * static_cast<std::int64_t>(size_of(problem.io));
  }

  Result<void> launch(const ReadyKernel& kernel, const KernelArgs& with) const {
    return kernel.loaded->launch(kernel.entry, with, nullptr);
  }

  Result<void> run() const {
    const std::int64_t total = problem.batch * problem.channels;
    const auto failed = [](int status) {
      return Error{ErrorCode::launch_failed, fmt::format("cuFFT fails with status {}.", status)};
    };
    for (std::int64_t row = 0; row < total; row += chunk) {
      KernelArgs with;
      with.batch = std::min(chunk, total - row);
      with.seqlen = problem.seqlen;
      with.filter_len = points;
      with.filters = static_cast<std::int64_t>(problem.io);
      with.u = offset(args.u, row);
      with.y = rows->data();
      if (auto done = launch(pad, with); !done) return done;
      if (int status = cufft.forward(forward->handle(), static_cast<float*>(rows->data()), spectra->data())) {
        return failed(status);
      }
      KernelArgs product;
      product.batch = with.batch;
      product.seqlen = spectrum;
      product.channels = problem.channels;
      product.filters = row;
      product.y = spectra->data();
      product.u = filters->data();
      if (auto done = launch(multiply, product); !done) return done;
      if (int status = cufft.inverse(inverse->handle(), spectra->data(), static_cast<float*>(rows->data()))) {
        return failed(status);
      }
      with.u = rows->data();
      with.y = offset(args.y, row);
      if (auto done = launch(crop, with); !done) return done;
    }
    return {};
  }
};

}  // namespace

Result<Cufft> Cufft::open(const std::string& file) {
  const auto library =
      cuda::DynamicLibrary::open_first(file.empty() ? cuda::toolkit_candidates("cufft", "/usr/local", private_venv())
                                                    : std::vector<std::string>{file});
  if (!library) {
    return Error{ErrorCode::dependency_missing,
                 "libcufft was not found, so no time is compared with it: give --cufft FILE."};
  }
  auto functions = std::make_shared<CufftFunctions>();
  int (*version)(int*) = nullptr;
  if (!library->bind(version, "cufftGetVersion") || version(&functions->version) != 0 ||
      !library->bind(functions->plan_many, "cufftPlanMany") || !library->bind(functions->destroy, "cufftDestroy") ||
      !library->bind(functions->forward, "cufftExecR2C") || !library->bind(functions->inverse, "cufftExecC2R")) {
    return Error{ErrorCode::dependency_missing, library->name() + " is not a usable cuFFT: give --cufft FILE."};
  }
  Cufft made;
  made.functions_ = std::move(functions);
  return made;
}

Result<Cufft::Timing> Cufft::measure(Gpu& gpu, const Problem& problem, const KernelArgs& args, int count) const {
  Device& device = gpu.device();
  const cuda::CurrentContext current(gpu.context());
  Sequence sequence{*functions_, problem, args, {}, {}, {}, 0, 0, 0, {}, {}, {}, {}, {}};
  for (const auto& [ready, text, name] : {std::tuple{&sequence.pad, kPad, "pad"},
                                          {&sequence.crop, kCrop, "crop"},
                                          {&sequence.multiply, kMultiply, "multiply"}}) {
    auto made = make_ready(device, strided(name, text, gpu.facts().sm_count));
    if (!made) return made.error();
    *ready = std::move(*made);
  }
  sequence.points = problem.mode == Mode::circular ? problem.seqlen : 2 * problem.seqlen;
  sequence.spectrum = sequence.points / 2 + 1;
  const std::int64_t row_bytes = sequence.points * 4 + sequence.spectrum * 8;
  // Whole batches of channels, all chunks equal, so that one plan serves them.
  std::int64_t batches = std::clamp<std::int64_t>(kWorkBytes / (row_bytes * problem.channels), 1, problem.batch);
  while (problem.batch % batches != 0) --batches;
  sequence.chunk = batches * problem.channels;
  for (const auto& [buffer, bytes] : {std::pair{&sequence.rows, sequence.chunk * sequence.points * 4},
                                      {&sequence.spectra, sequence.chunk * sequence.spectrum * 8},
                                      {&sequence.filters, problem.channels * sequence.spectrum * 8}}) {
    auto made = device.allocate(static_cast<std::size_t>(bytes));
    if (!made) return made.error();
    *buffer = std::move(*made);
  }
  for (const auto& [plan, type] :
       {std::pair{&sequence.forward, kRealToComplex}, {&sequence.inverse, kComplexToReal}}) {
    auto made = FftPlan::make(*functions_, type, sequence.points, sequence.chunk);
    if (!made) return made.error();
    *plan = std::make_unique<FftPlan>(std::move(*made));
  }
  // The filter's transform, once.
  KernelArgs filter;
  filter.batch = problem.channels;
  filter.seqlen = problem.filter_len;
  filter.filter_len = sequence.points;
  filter.filters = 2;
  filter.u = args.filter;
  filter.y = sequence.rows->data();
  if (auto done = sequence.launch(sequence.pad, filter); !done) return done.error();
  auto plan = FftPlan::make(*functions_, kRealToComplex, sequence.points, problem.channels);
  if (!plan) return plan.error();
  if (int status =
          functions_->forward(plan->handle(), static_cast<float*>(sequence.rows->data()), sequence.filters->data())) {
    return Error{ErrorCode::launch_failed, fmt::format("cuFFT fails with status {}.", status)};
  }
  if (auto done = device.synchronize(nullptr); !done) return done.error();

  const cuda::Driver& driver = gpu.context().driver();
  cuda::CuEvent begin = nullptr, end = nullptr;
  driver.event_create(&begin, 0);
  driver.event_create(&end, 0);
  const std::int64_t flush_bytes = std::max<std::int64_t>(2 * gpu.facts().l2_bytes, std::int64_t{64} << 20);
  auto flush = device.allocate(static_cast<std::size_t>(flush_bytes));
  if (!flush) return flush.error();
  std::vector<double> seconds;
  Result<void> state;
  for (int i = 0; i < count + 1 && state.ok(); ++i) {
    driver.memory_set(reinterpret_cast<cuda::CuAddress>((*flush)->data()), 0, static_cast<std::size_t>(flush_bytes),
                      nullptr);
    driver.event_record(begin, nullptr);
    state = sequence.run();
    driver.event_record(end, nullptr);
    if (state.ok()) state = device.synchronize(nullptr);
    float milliseconds = 0;
    driver.event_elapsed_ms(&milliseconds, begin, end);
    if (i > 0) seconds.push_back(milliseconds * 1e-3);  // the first warms up
  }
  driver.event_destroy(begin);
  driver.event_destroy(end);
  if (!state) return state.error();
  return Timing{median(seconds), -1, fmt::format("{}", functions_->version)};
}

std::vector<SmallKernel> cufft_kernels(int sm_count) {
  return {strided("pad", kPad, sm_count), strided("crop", kCrop, sm_count), strided("multiply", kMultiply, sm_count)};
}

}  // namespace fftconv::gpu_suite
