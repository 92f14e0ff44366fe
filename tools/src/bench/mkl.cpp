// MKL through DFTI, from its one library for run-time dispatch (libmkl_rt), through prototypes of our own.
#include <fmt/format.h>
#include <link.h>

#include <filesystem>

#include "bench/contender.h"
#include "bench/row_transform.h"
#include "library.h"

// MKL gives a processor of another maker its slowest code unless this, one of its own functions, says that the maker
// is the right one. It asks through the dynamic linker, where the program comes before libraries: this one is
// exported and found first. Versions up to 2021.1 ask it; what a version dispatched to stands in the peer's name.
extern "C" [[gnu::visibility("default"), gnu::used]] int mkl_serv_intel_cpu_true();
extern "C" int mkl_serv_intel_cpu_true() { return 1; }

namespace fftconv::tools {
namespace {

using Descriptor = struct DFTI_DESCRIPTOR*;
// Of mkl_dfti.h and mkl_service.h.
constexpr int kReal = 33, kPlacement = 11, kNotInPlace = 44, kEvenStorage = 10, kComplexComplex = 39;
constexpr int kSequential = 1;

struct Version {
  int major, minor, update;
  char *status, *build, *processor, *platform;
};

struct Functions {
  long (*create)(Descriptor*, int domain, ...) = nullptr;  // then the points, as a long
  long (*set)(Descriptor, int parameter, ...) = nullptr;
  long (*commit)(Descriptor) = nullptr;
  long (*forward)(Descriptor, void*, ...) = nullptr;
  long (*backward)(Descriptor, void*, ...) = nullptr;
  long (*free)(Descriptor*) = nullptr;
  int (*set_threading)(int) = nullptr;
  void (*version)(Version*) = nullptr;
};

Result<Functions> load(const Library& library) {
  Functions f;
  f.create = library.find<long(Descriptor*, int, ...)>("DftiCreateDescriptor_s_1d");
  f.set = library.find<long(Descriptor, int, ...)>("DftiSetValue");
  f.commit = library.find<long(Descriptor)>("DftiCommitDescriptor");
  f.forward = library.find<long(Descriptor, void*, ...)>("DftiComputeForward");
  f.backward = library.find<long(Descriptor, void*, ...)>("DftiComputeBackward");
  f.free = library.find<long(Descriptor*)>("DftiFreeDescriptor");
  f.set_threading = library.find<int(int)>("MKL_Set_Threading_Layer");
  f.version = library.find<void(Version*)>("MKL_Get_Version");
  if (f.create == nullptr || f.set == nullptr || f.commit == nullptr || f.forward == nullptr ||
      f.backward == nullptr || f.free == nullptr || f.set_threading == nullptr || f.version == nullptr) {
    return Error{ErrorCode::dependency_missing,
                 library.name() + " lacks functions of MKL (give libmkl_rt); it is not compared"};
  }
  return f;
}

/// The library of kernels that MKL has opened for this processor ("libmkl_avx512", "libmkl_def"); empty where none is
/// seen. More to be trusted than what it says of itself: 2024.2 names no vectors and uses AVX-512.
std::string opened_kernels() {
  std::string found;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        const std::string name = std::filesystem::path(info->dlpi_name).filename().string();
        for (const char* kernels : {"avx512", "avx10", "avx2", "avx", "mc3", "mc", "def"}) {
          const std::string stem = std::string("libmkl_") + kernels;
          if (name.starts_with(stem + ".so")) *static_cast<std::string*>(result) = stem;
        }
        return 0;
      },
      &found);
  return found;
}

class Mkl : public RowTransform {
 public:
  Mkl(std::int64_t points, Library library, const Functions& functions)
      : RowTransform(points), library_(std::move(library)), f_(functions) {}
  ~Mkl() override {
    if (descriptor_ != nullptr) f_.free(&descriptor_);
  }

  Result<void> prepare() {
    f_.set_threading(kSequential);  // before its first call: threads are ours, one row each
    f_.version(&version_);
    if (f_.create(&descriptor_, kReal, static_cast<long>(points())) != 0 ||
        f_.set(descriptor_, kPlacement, kNotInPlace) != 0 ||
        f_.set(descriptor_, kEvenStorage, kComplexComplex) != 0 || f_.commit(descriptor_) != 0) {
      return unsupported(fmt::format("MKL makes no plan for {} points", points()));
    }
    const std::string kernels = opened_kernels();
    kernels_ = kernels.empty() ? fmt::format("for {}", version_.processor) : "kernels of " + kernels;
    return {};
  }

  std::string name() const override {
    return fmt::format("MKL {}.{}, real at {}, {}", version_.major, version_.update, points(), kernels_);
  }
  void forward(const float* x, float* z, float*) const override {
    // Out of place the input stays; the prototype does not say so.
    f_.forward(descriptor_, const_cast<float*>(x), z);
  }
  void inverse(float* z, float* y, float*) const override { f_.backward(descriptor_, z, y); }

 private:
  Library library_;
  Functions f_;
  Descriptor descriptor_ = nullptr;
  Version version_{};
  std::string kernels_;
};

}  // namespace

MadeTransform make_mkl(const Problem& problem, const std::string& library) {
  const auto opened = Library::open(std::span(&library, 1), "MKL is not compared");
  if (!opened) return opened.error();
  const auto functions = load(*opened);
  if (!functions) return functions.error();
  auto mkl = std::make_unique<Mkl>(padded_length(problem), *opened, *functions);
  if (const auto ready = mkl->prepare(); !ready) return ready.error();
  return std::unique_ptr<RowTransform>(std::move(mkl));
}

}  // namespace fftconv::tools
