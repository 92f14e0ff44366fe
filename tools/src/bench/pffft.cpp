// PFFFT through its own prototypes.
#include <fmt/format.h>

#include "bench/contender.h"
#include "bench/row_transform.h"
#include "library.h"

namespace fftconv::tools {
namespace {

using Setup = struct PFFFT_Setup*;
constexpr int kReal = 0, kForward = 0, kBackward = 1;  // PFFFT_REAL, PFFFT_FORWARD, PFFFT_BACKWARD
constexpr std::int64_t kBlock = 32;                    // a real transform is a multiple, by 2, 3 and 5

struct Functions {
  Setup (*new_setup)(int, int) = nullptr;
  void (*destroy_setup)(Setup) = nullptr;
  void (*transform)(Setup, const float*, float*, float*, int) = nullptr;
  void (*convolve)(Setup, const float*, const float*, float*, float) = nullptr;
  int (*simd_size)() = nullptr;
};

Result<Functions> load(const Library& library) {
  Functions f;
  f.new_setup = library.find<Setup(int, int)>("pffft_new_setup");
  f.destroy_setup = library.find<void(Setup)>("pffft_destroy_setup");
  f.transform = library.find<void(Setup, const float*, float*, float*, int)>("pffft_transform");
  f.convolve = library.find<void(Setup, const float*, const float*, float*, float)>("pffft_zconvolve_no_accu");
  f.simd_size = library.find<int()>("pffft_simd_size");
  if (f.new_setup == nullptr || f.destroy_setup == nullptr || f.transform == nullptr || f.convolve == nullptr) {
    return Error{ErrorCode::dependency_missing,
                 library.name() + " lacks functions of PFFFT (with pffft_zconvolve_no_accu); it is not compared"};
  }
  return f;
}

std::int64_t points_for(const Problem& problem) {
  std::int64_t n = padded_length(problem);
  if (problem.mode == Mode::circular) return n;
  const auto fits = [](std::int64_t points) {
    if (points % kBlock != 0) return false;
    for (const int prime : {2, 3, 5}) {
      while (points % prime == 0) points /= prime;
    }
    return points == 1;
  };
  while (!fits(n)) ++n;
  return n;
}

class Pffft : public RowTransform {
 public:
  Pffft(std::int64_t points, Library library, const Functions& functions)
      : RowTransform(points),
        library_(std::move(library)),
        f_(functions),
        setup_(points % kBlock == 0 ? f_.new_setup(static_cast<int>(points), kReal) : nullptr) {}
  ~Pffft() override {
    if (setup_ != nullptr) f_.destroy_setup(setup_);
  }
  bool complete() const { return setup_ != nullptr; }

  std::string name() const override {
    const std::string width = f_.simd_size == nullptr ? "" : fmt::format(", {} floats a vector", f_.simd_size());
    return fmt::format("PFFFT, real at {}, its own order{}", points(), width);
  }
  std::int64_t spectrum_floats() const override { return points(); }
  std::int64_t scratch_floats() const override { return points(); }
  void forward(const float* x, float* z, float* scratch) const override {
    f_.transform(setup_, x, z, scratch, kForward);
  }
  void multiply(float* z, const float* filter) const override { f_.convolve(setup_, z, filter, z, 1.0f); }
  void inverse(float* z, float* y, float* scratch) const override { f_.transform(setup_, z, y, scratch, kBackward); }

 private:
  Library library_;
  Functions f_;
  Setup setup_;
};

}  // namespace

MadeTransform make_pffft(const Problem& problem, const std::string& library) {
  const auto opened = Library::open(std::span(&library, 1), "PFFFT is not compared");
  if (!opened) return opened.error();
  const auto functions = load(*opened);
  if (!functions) return functions.error();
  const std::int64_t points = points_for(problem);
  auto pffft = std::make_unique<Pffft>(points, *opened, *functions);
  if (!pffft->complete()) {
    return unsupported(fmt::format(
        "PFFFT has no real transform of {} points: it needs a multiple of {}, by 2, 3 and 5", points, kBlock));
  }
  return std::unique_ptr<RowTransform>(std::move(pffft));
}

}  // namespace fftconv::tools
