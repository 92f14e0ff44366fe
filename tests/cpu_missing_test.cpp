// The CPU device without the LLVM component: the portable kernel against fp64. A program of its own, since the
// component is opened once a process.
#include "cpu_support.h"
#include "fftconv/plan.h"
#include "fftconv/search.h"
#include "fftconv/search_space.h"
#include "fftconv/settings.h"
#include "thinned.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

constexpr Mode kModes[] = {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular};

// Before the first device is opened.
const bool component_hidden = [] {
  Settings without = settings();
  without.llvm_component = "off";
  without.host_compiler.clear();
  set_settings(without);
  return true;
}();

void check_portable(const Problem& problem, const KernelConfig& config, const std::string& arch = {}) {
  const double error = error_of(problem, config, device(arch));
  CHECK_MESSAGE(error <= allowed(problem), to_string(problem), " ", to_string(config), ": error ", error);
}
void check_portable(const Problem& problem) {
  const Result<KernelConfig> config = default_config(problem, device().identity());
  REQUIRE_MESSAGE(config, to_string(problem));
  CHECK(config->compiler == CompilerId::none);
  check_portable(problem, *config);
}

}  // namespace

TEST_CASE("without the LLVM component every mode is right at lengths even, odd and prime") {
  for (std::int64_t seqlen :
       test::thinned({1, 2, 3, 5, 16, 31, 100, 255, 256, 257, 1000, 1021, 4096, 4099, 14113, 65537, 200003})) {
    for (Mode mode : kModes) check_portable(make_problem(mode, seqlen, seqlen));
  }
}

TEST_CASE("without the LLVM component samples, filters and gradients of every kind are right") {
  for (DataType io : {DataType::f32, DataType::f16, DataType::bf16}) {
    for (Mode mode : kModes) {
      for (std::int64_t seqlen : test::thinned({31, 1, 256, 1021})) {
        check_portable(make_problem(mode, seqlen, seqlen / 3 + 1, io));
        Problem gradient = make_problem(mode, seqlen, seqlen, io);
        gradient.direction = Direction::backward_input;
        check_portable(gradient);
      }
    }
  }
  check_portable(make_problem(Mode::bidirectional, 77, 2 * 77 - 1));
}

TEST_CASE("without the LLVM component gates, skip and shared filters are right") {
  for (DataType io : {DataType::f32, DataType::f16}) {
    for (int parts = 1; parts < 8; ++parts) {
      for (std::int64_t seqlen : {100, 256}) {
        Problem problem = make_problem(parts % 2 ? Mode::causal : Mode::circular, seqlen, 100, io);
        problem.pregate = (parts & 1) != 0;
        problem.postgate = (parts & 2) != 0;
        problem.skip = (parts & 4) != 0;
        check_portable(problem);
      }
    }
  }
  Problem problem = make_problem(Mode::causal, 200, 200);
  problem.channels = 6;
  problem.sharing = FilterSharing::per_group;
  problem.groups = 2;
  check_portable(problem);
  problem.sharing = FilterSharing::per_example;
  problem.groups = 1;
  check_portable(problem);
}

TEST_CASE("without the LLVM component all candidates are right, for every width of vectors") {
  for (const char* arch : {"", "x86-64-avx2", "x86-64"}) {
    if (!make_cpu_device(1, arch)) {
      MESSAGE("skipped: this processor does not run ", arch);
      continue;
    }
    for (std::int64_t seqlen : {500, 5000}) {
      const Problem problem = make_problem(Mode::bidirectional, seqlen, seqlen - 1);
      const SearchSpace space = search_space(problem, device(arch).identity());
      CHECK(space.configs.size() >= 8);
      for (std::size_t i = 0; i<space.configs.size(); i += seqlen> 1000 ? 5 : 1) {
        check_portable(problem, space.configs[i], arch);
      }
    }
  }
}

TEST_CASE("every radix of the portable kernel is right, with lane twiddles from tables and computed") {
  const int lanes = device().identity().vector_lanes;
  for (const std::vector<int>& outer :
       {std::vector<int>{}, {2}, {3}, {5, 2}, {7, 3}, {8, 7}, {4, 5}, {3, 8}, {2, 2, 4}}) {
    for (int vectors : {4, 8}) {
      for (Residency twiddle : {Residency::memory, Residency::registers}) {
        KernelConfig config = *default_config(make_problem(Mode::causal, 8, 8), device().identity());
        config.radices = outer;
        config.radices.push_back(vectors * lanes);
        config.twiddle = twiddle;
        const std::int64_t length = transform_length(config);
        check_portable(make_problem(Mode::anticausal, length, length), config);
        check_portable(make_problem(Mode::circular, length - length / 3, 40), config);
      }
    }
  }
}

TEST_CASE("the portable kernel is refused where there is a compiler, and compiled ones where there is none") {
  const Problem problem = make_problem(Mode::causal, 256, 256);
  DeviceFacts without = device().identity(), with = without;
  with.compiles = true;
  const KernelConfig portable = *default_config(problem, without), compiled = *default_config(problem, with);
  CHECK(to_string(portable).find("/portable") != std::string::npos);
  CHECK(parse_config(to_string(portable)).value() == portable);
  CHECK(check_legal(problem, portable, without).ok());
  CHECK_FALSE(check_legal(problem, portable, with).ok());
  CHECK_FALSE(check_legal(problem, compiled, without).ok());
  KernelConfig two_rows = portable;
  two_rows.rows = 2;
  CHECK_FALSE(check_legal(problem, two_rows, without).ok());
  const Result<KernelSource> source = emit(problem, compiled, with);
  REQUIRE(source.ok());
  CHECK(device().compile(*source).error().code == ErrorCode::dependency_missing);
}

TEST_CASE("a binary that is not the portable kernel's is refused") {
  const Problem problem = make_problem(Mode::causal, 256, 256);
  const KernelSource source =
      emit(problem, *default_config(problem, device().identity()), device().identity()).value();
  CompiledKernel kernel = device().compile(source).value();
  CHECK(kernel.format == BinaryFormat::portable);
  CHECK(device().load(source, kernel).ok());
  kernel.binary.pop_back();
  CHECK(device().load(source, kernel).error().code == ErrorCode::damaged);
}

TEST_CASE("plans of the portable kernel are measured, remembered and say what they are") {
  const test::TemporaryDirectory folder;
  const Problem problem = make_problem(Mode::causal, 300, 300);
  const auto plan_of = [&](Rigor rigor) {
    auto opened = Context::create(make_cpu_device(2).value(), {.cache_directory = folder.path()});
    REQUIRE(opened.ok());
    Result<Plan> plan = (*opened)->plan(problem, {.rigor = rigor, .budget_s = 5});
    REQUIRE_MESSAGE(plan.ok(), plan.error().message);
    return *plan;
  };
  const Plan measured = plan_of(Rigor::measure);
  CHECK(measured.provenance() == Provenance::exact);
  const Plan cached = plan_of(Rigor::cached_only);
  CHECK(cached.config() == measured.config());
  for (const char* word : {"portable kernel", "install LLVM 19", "built with the library"}) {
    CHECK_MESSAGE(cached.explain().find(word) != std::string::npos, cached.explain());
  }
}

TEST_CASE("the portable device says what it is and what to install") {
  CHECK(device().caveat().find("install LLVM 19") != std::string::npos);
  CHECK(device().identity().name.ends_with("(portable kernel)"));
  CHECK(device().compiler_version().starts_with("portable "));
  bool listed = false;
  for (const DeviceInfo& info : list_devices()) {
    if (info.kind == DeviceKind::sim) CHECK(!info.available);
    if (info.kind != DeviceKind::cpu) continue;
    listed = info.available && info.caveat == device().caveat();
  }
  CHECK(listed);
}
