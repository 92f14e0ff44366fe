// Kernels for NEON, compiled on whatever machine this is.
#include <doctest/doctest.h>

#include <cstring>
#include <string_view>

#include "backend.h"
#include "cpu_facts.h"
#include "fftconv/llvm_component.h"

using namespace fftconv;

namespace {

DeviceFacts neon_facts() {
  DeviceFacts facts = test::cpu_facts();
  facts.arch = "aarch64";
  facts.vector_lanes = 4;
  return facts;
}

Result<std::vector<std::byte>> cross_compiled(const Problem& problem) {
  const KernelConfig config = cpu::default_config(problem, neon_facts()).value();
  const KernelSource source = cpu::emit(problem, config, neon_facts()).value();
  ClangJob job;
  job.source = source.text;
  job.file_name = "fftconv_cpu.cpp";
  job.triple = "aarch64-unknown-linux-gnu";
  job.arguments = source.options;
  auto output = llvm_component().value()->compile(job);
  if (!output) return output.error();
  return std::move(output->object);
}

Problem plain(Mode mode, std::int64_t seqlen, DataType io) {
  return {.mode = mode, .seqlen = seqlen, .filter_len = seqlen, .batch = 3, .channels = 2, .io = io};
}

void check_object(const Problem& problem) {
  const auto object = cross_compiled(problem);
  REQUIRE_MESSAGE(object, to_string(problem), ": ", object.error().message);
  constexpr unsigned short kAarch64 = 183;  // e_machine of ELF
  unsigned short machine = 0;
  REQUIRE(object->size() > 64);
  CHECK(std::memcmp(object->data(), "\177ELF", 4) == 0);
  std::memcpy(&machine, object->data() + 18, sizeof machine);
  CHECK(machine == kAarch64);
  const std::string_view bytes(reinterpret_cast<const char*>(object->data()), object->size());
  CHECK(bytes.find("fftconv_convolution") != std::string_view::npos);
  // What the linker would have to find elsewhere: nothing but memory functions.
  for (const char* call : {"__gnu_h2f", "__extendhf", "__truncsfhf", "__aeabi"}) {
    CHECK_MESSAGE(bytes.find(call) == std::string_view::npos, to_string(problem), " calls ", call);
  }
}

}  // namespace

TEST_CASE("kernels for NEON compile in every type") {
  for (DataType io : {DataType::f32, DataType::f16, DataType::bf16}) {
    for (std::int64_t seqlen : {1, 77, 1000, 32768}) check_object(plain(Mode::bidirectional, seqlen, io));
  }
  Problem wide = plain(Mode::causal, 300, DataType::f64);
  wide.precision = Precision::f64;
  check_object(wide);
}

TEST_CASE("gates and the filter's gradient compile for NEON") {
  Problem problem = plain(Mode::circular, 360, DataType::f16);
  problem.pregate = problem.postgate = problem.skip = true;
  check_object(problem);
  problem.direction = Direction::backward_filter;
  problem.skip = false;
  check_object(problem);
}
