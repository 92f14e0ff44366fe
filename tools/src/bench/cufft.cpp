// cuFFT beside us on the GPU, as a framework uses it: pad, real to complex, multiply, complex to real.
#include <fmt/format.h>

#include "bench/contender.h"
#include "bench/cuda_driver.h"
#include "fftconv/nvrtc.h"

namespace fftconv::tools {
namespace {

constexpr int kRealToComplex = 0x2a;  // CUFFT_R2C
constexpr int kComplexToReal = 0x2c;  // CUFFT_C2R
constexpr int kThreads = 256;

/// z[row][i] *= k[filter of row][i]; the filter carries the factor of the inverse.
constexpr const char* kMultiply = R"(
struct point { float x, y; };
extern "C" __global__ void multiply(point* z, const point* k, long long bins, long long rows, long long channels,
                                    long long channels_a_filter, int per_example) {
  const long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (at >= bins * rows) return;
  const long long row = at / bins, bin = at - row * bins;
  const long long filter = per_example ? row : row % channels / channels_a_filter;
  const point a = z[at], b = k[filter * bins + bin];
  z[at] = point{a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x};
}
)";

/// CUDA_MEMCPY2D of the driver's interface.
struct Copy2d {
  std::size_t src_x = 0, src_y = 0;
  unsigned src_type = 2;  // CU_MEMORYTYPE_DEVICE
  const void* src_host = nullptr;
  CudaAddress src_device = 0;
  void* src_array = nullptr;
  std::size_t src_pitch = 0, dst_x = 0, dst_y = 0;
  unsigned dst_type = 2;
  void* dst_host = nullptr;
  CudaAddress dst_device = 0;
  void* dst_array = nullptr;
  std::size_t dst_pitch = 0, width_bytes = 0, height = 0;
};

struct CufftFunctions {
  int (*plan_many)(int*, int, int*, int*, int, int, int*, int, int, int type, int batch) = nullptr;
  int (*execute_r2c)(int, void*, void*) = nullptr;
  int (*execute_c2r)(int, void*, void*) = nullptr;
  int (*destroy)(int) = nullptr;
  int (*version)(int*) = nullptr;
};

Result<CufftFunctions> load(const Library& library) {
  CufftFunctions f;
  f.plan_many = library.find<int(int*, int, int*, int*, int, int, int*, int, int, int, int)>("cufftPlanMany");
  f.execute_r2c = library.find<int(int, void*, void*)>("cufftExecR2C");
  f.execute_c2r = library.find<int(int, void*, void*)>("cufftExecC2R");
  f.destroy = library.find<int(int)>("cufftDestroy");
  f.version = library.find<int(int*)>("cufftGetVersion");
  if (f.plan_many == nullptr || f.execute_r2c == nullptr || f.execute_c2r == nullptr || f.destroy == nullptr) {
    return Error{ErrorCode::dependency_missing, library.name() + " lacks functions of cuFFT; it is not compared"};
  }
  return f;
}

class Cufft : public Contender {
 public:
  Cufft(const BenchData& data, Library library, const CufftFunctions& functions, std::shared_ptr<CudaDriver> driver)
      : data_(data),
        library_(std::move(library)),
        f_(functions),
        driver_(std::move(driver)),
        n_(padded_length(data.problem)),
        bins_(n_ / 2 + 1),
        rows_(data.problem.batch * data.problem.channels) {}

  ~Cufft() override {
    for (const int plan : plans_) f_.destroy(plan);
    if (module_ != nullptr) driver_->module_unload(module_);
  }

  Result<void> prepare(const std::string& arch) {
    const std::int64_t filters = filter_count(data_.problem);
    if (auto done = allocate(filters); !done) return done;
    if (auto done = load_multiply(arch); !done) return done;
    if (auto done = add_plan(kRealToComplex, rows_); !done) return done;
    if (auto done = add_plan(kComplexToReal, rows_); !done) return done;
    if (auto done = copy_in(u_, data_.u.data(), data_.u.size()); !done) return done;
    return make_spectra(filters);
  }

  std::string name() const override {
    int version = 0;
    if (f_.version != nullptr) f_.version(&version);
    return fmt::format("cuFFT {}, fp32 r2c at {}", version, n_);
  }

  Result<void> run() override {
    if (n_ > data_.problem.seqlen) {
      if (auto done = pad(); !done) return done;
    }
    void* const input = n_ > data_.problem.seqlen ? padded_.pointer() : u_.pointer();
    if (auto done = cuda_check(f_.execute_r2c(plans_[0], input, z_.pointer()), "cufftExecR2C"); !done) return done;
    if (auto done = multiply(); !done) return done;
    return cuda_check(f_.execute_c2r(plans_[1], z_.pointer(), y_.pointer()), "cufftExecC2R");
  }

  Result<std::vector<double>> result() override {
    if (auto done = cuda_check(driver_->synchronize(), "cuCtxSynchronize"); !done) return done.error();
    std::vector<float> all(static_cast<std::size_t>(rows_ * n_));
    const auto copied = driver_->copy_to_host(all.data(), y_.address(), all.size() * sizeof(float));
    if (auto done = cuda_check(copied, "cuMemcpyDtoH"); !done) return done.error();
    const std::int64_t length = data_.problem.seqlen;
    std::vector<double> y;
    y.reserve(data_.u.size());
    for (std::int64_t row = 0; row < rows_; ++row) {
      y.insert(y.end(), all.begin() + row * n_, all.begin() + row * n_ + length);
    }
    return y;
  }

 private:
  Result<void> allocate(std::int64_t filters) {
    const auto take = [&](CudaMemory& memory, std::int64_t floats) -> Result<void> {
      auto taken = CudaMemory::allocate(driver_, static_cast<std::size_t>(floats) * sizeof(float));
      if (!taken) return taken.error();
      memory = std::move(*taken);
      return cuda_check(
          driver_->memory_set(memory.address(), 0, static_cast<std::size_t>(floats) * sizeof(float), nullptr),
          "cuMemsetD8Async");
    };
    if (auto done = take(u_, static_cast<std::int64_t>(data_.u.size())); !done) return done;
    if (auto done = take(padded_, rows_ * n_); !done) return done;
    if (auto done = take(z_, rows_ * bins_ * 2); !done) return done;
    if (auto done = take(y_, rows_ * n_); !done) return done;
    return take(k_, filters * bins_ * 2);
  }

  Result<void> load_multiply(const std::string& arch) {
    KernelSource source;
    source.text = kMultiply;
    source.arch = arch;
    const auto compiled = nvrtc_compile(source, arch, BinaryFormat::cubin);
    if (!compiled) return compiled.error();
    if (auto done = cuda_check(driver_->module_load(&module_, compiled->binary.data()), "cuModuleLoadData"); !done) {
      return done;
    }
    return cuda_check(driver_->module_function(&multiply_, module_, "multiply"), "cuModuleGetFunction");
  }

  Result<void> add_plan(int type, std::int64_t rows) {
    int plan = 0;
    int n = static_cast<int>(n_);
    const int code = f_.plan_many(&plan, 1, &n, nullptr, 1, 0, nullptr, 1, 0, type, static_cast<int>(rows));
    if (code != 0) return Error{ErrorCode::unsupported, fmt::format("cufftPlanMany failed with code {}", code)};
    plans_.push_back(plan);
    return {};
  }

  Result<void> copy_in(const CudaMemory& memory, const float* values, std::size_t count) {
    return cuda_check(driver_->copy_to_device(memory.address(), values, count * sizeof(float)), "cuMemcpyHtoD");
  }

  Result<void> make_spectra(std::int64_t filters) {
    std::vector<float> periods;
    for (std::int64_t f = 0; f < filters; ++f) {
      for (const float tap : periodic_filter(data_, f, n_)) periods.push_back(tap / static_cast<float>(n_));
    }
    auto memory = CudaMemory::allocate(driver_, periods.size() * sizeof(float));
    if (!memory) return memory.error();
    if (auto done = copy_in(*memory, periods.data(), periods.size()); !done) return done;
    if (auto done = add_plan(kRealToComplex, filters); !done) return done;
    if (auto done = cuda_check(f_.execute_r2c(plans_[2], memory->pointer(), k_.pointer()), "cufftExecR2C"); !done) {
      return done;
    }
    return cuda_check(driver_->synchronize(), "cuCtxSynchronize");
  }

  Result<void> pad() {
    Copy2d copy;
    copy.src_device = u_.address();
    copy.dst_device = padded_.address();
    copy.src_pitch = copy.width_bytes = static_cast<std::size_t>(data_.problem.seqlen) * sizeof(float);
    copy.dst_pitch = static_cast<std::size_t>(n_) * sizeof(float);
    copy.height = static_cast<std::size_t>(rows_);
    return cuda_check(driver_->copy_2d(&copy, nullptr), "cuMemcpy2DAsync");
  }

  Result<void> multiply() {
    const Problem& p = data_.problem;
    CudaAddress z = z_.address(), k = k_.address();
    long long bins = bins_, rows = rows_, channels = p.channels;
    long long channels_a_filter = p.sharing == FilterSharing::per_group ? p.channels / p.groups : 1;
    int per_example = p.sharing == FilterSharing::per_example ? 1 : 0;
    void* parameters[] = {&z, &k, &bins, &rows, &channels, &channels_a_filter, &per_example};
    const auto blocks = static_cast<unsigned>((bins_ * rows_ + kThreads - 1) / kThreads);
    return cuda_check(driver_->launch(multiply_, blocks, 1, 1, kThreads, 1, 1, 0, nullptr, parameters, nullptr),
                      "cuLaunchKernel");
  }

  const BenchData& data_;
  Library library_;
  CufftFunctions f_;
  std::shared_ptr<CudaDriver> driver_;
  std::int64_t n_, bins_, rows_;
  CudaMemory u_, padded_, z_, y_, k_;
  std::vector<int> plans_;  ///< rows forward, rows inverse, filters forward
  void* module_ = nullptr;
  void* multiply_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Contender>> make_cufft(const BenchData& data, const std::string& file, int ordinal,
                                              const DeviceFacts& facts) {
  const auto library = Library::open(std::span(&file, 1), "cuFFT is not compared");
  if (!library) return library.error();
  const auto functions = load(*library);
  if (!functions) return functions.error();
  auto driver = CudaDriver::open(ordinal);
  if (!driver) return driver.error();
  auto cufft = std::make_unique<Cufft>(data, *library, *functions, std::move(*driver));
  if (const auto ready = cufft->prepare(facts.arch); !ready) return ready.error();
  return std::unique_ptr<Contender>(std::move(cufft));
}

}  // namespace fftconv::tools
