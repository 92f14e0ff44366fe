// KFR through its C interface (libkfr_capi) and prototypes of our own.
#include <fmt/format.h>

#include "bench/contender.h"
#include "bench/row_transform.h"
#include "library.h"

namespace fftconv::tools {
namespace {

using Plan = struct KFR_DFT_REAL_PLAN_F32*;
constexpr int kComplexSymmetric = 1;  // CCs of KFR_DFT_PACK_FORMAT: points / 2 + 1 complex numbers

struct Functions {
  Plan (*create)(std::size_t, int) = nullptr;
  void (*destroy)(Plan) = nullptr;
  std::size_t (*scratch_bytes)(Plan) = nullptr;
  void (*forward)(Plan, float*, const float*, unsigned char*) = nullptr;
  void (*inverse)(Plan, float*, const float*, unsigned char*) = nullptr;
  const char* (*version)() = nullptr;
};

Result<Functions> load(const Library& library) {
  Functions f;
  f.create = library.find<Plan(std::size_t, int)>("kfr_dft_real_create_plan_f32");
  f.destroy = library.find<void(Plan)>("kfr_dft_real_delete_plan_f32");
  f.scratch_bytes = library.find<std::size_t(Plan)>("kfr_dft_real_get_temp_size_f32");
  f.forward = library.find<void(Plan, float*, const float*, unsigned char*)>("kfr_dft_real_execute_f32");
  f.inverse = library.find<void(Plan, float*, const float*, unsigned char*)>("kfr_dft_real_execute_inverse_f32");
  f.version = library.find<const char*()>("kfr_version_string");
  if (f.create == nullptr || f.destroy == nullptr || f.scratch_bytes == nullptr || f.forward == nullptr ||
      f.inverse == nullptr) {
    return Error{ErrorCode::dependency_missing, library.name() + " lacks functions of KFR; it is not compared"};
  }
  return f;
}

class Kfr : public RowTransform {
 public:
  Kfr(std::int64_t points, Library library, const Functions& functions)
      : RowTransform(points),
        library_(std::move(library)),
        f_(functions),
        plan_(points % 2 == 0 ? f_.create(static_cast<std::size_t>(points), kComplexSymmetric) : nullptr) {}
  ~Kfr() override {
    if (plan_ != nullptr) f_.destroy(plan_);
  }
  bool complete() const { return plan_ != nullptr; }

  std::string name() const override {
    return fmt::format("{}, real at {}", f_.version == nullptr ? "KFR" : f_.version(), points());
  }
  std::int64_t scratch_floats() const override {
    return static_cast<std::int64_t>((f_.scratch_bytes(plan_) + sizeof(float) - 1) / sizeof(float));
  }
  void forward(const float* x, float* z, float* scratch) const override {
    f_.forward(plan_, z, x, reinterpret_cast<unsigned char*>(scratch));
  }
  void inverse(float* z, float* y, float* scratch) const override {
    f_.inverse(plan_, y, z, reinterpret_cast<unsigned char*>(scratch));
  }

 private:
  Library library_;
  Functions f_;
  Plan plan_;
};

}  // namespace

MadeTransform make_kfr(const Problem& problem, const std::string& library) {
  const auto opened = Library::open(std::span(&library, 1), "KFR is not compared");
  if (!opened) return opened.error();
  const auto functions = load(*opened);
  if (!functions) return functions.error();
  auto kfr = std::make_unique<Kfr>(padded_length(problem), *opened, *functions);
  if (!kfr->complete()) return unsupported(fmt::format("KFR makes no plan for {} points", kfr->points()));
  return std::unique_ptr<RowTransform>(std::move(kfr));
}

}  // namespace fftconv::tools
