#include "suite/rate_kernels.h"

#include <fmt/format.h>

namespace fftconv::gpu_suite {
namespace {

constexpr double kMmaFlops = 2.0 * 16 * 8 * 16;

std::string repeat(int count, const std::string& pattern) {
  std::string text;
  for (int i = 0; i < count; ++i) text += fmt::format(fmt::runtime(pattern), fmt::arg("i", i));
  return text;
}

std::string sum(int count, const std::string& pattern) {
  std::string text = "0u";
  for (int i = 0; i < count; ++i) text += " ^ " + fmt::format(fmt::runtime(pattern), fmt::arg("i", i));
  return text;
}

/// `chains` independent accumulators; each round adds a b and takes it away again, so that nothing overflows and the
/// operands stay random (zeros draw less power and run faster than data does).
RateKernel mma(const std::string& function, bool packed, int warps, int chains, const std::string& fact) {
  RateKernel made;
  made.name = fmt::format("{} warps, {} chains", warps, chains);
  made.warps = warps;
  made.setup =
      "  vu a[4] = {seed(0), seed(1), seed(2), seed(3)};\n  vu b0 = seed(4), b1 = seed(5);\n"
      "  vu n0 = b0 ^ 0x80008000u, n1 = b1 ^ 0x80008000u;\n";
  if (packed) {
    made.setup += repeat(chains, "  vu d{i}[2] = {{seed(6 + {i}), seed(7 + {i})}};\n");
    made.sink = sum(chains, "d{i}[0] ^ d{i}[1]");
  } else {
    made.setup += repeat(chains, "  vf d{i}[4] = {{1.0f, 2.0f, 3.0f, 4.0f + {i}}};\n");
    made.sink = sum(chains, "as_uint(d{i}[0] + d{i}[1] + d{i}[2] + d{i}[3])");
  }
  constexpr int kPairs = 4;
  for (int pair = 0; pair < kPairs; ++pair) {
    made.body += repeat(chains, fmt::format("    {}(d{{i}}, a, b0, b1);\n", function));
    made.body += repeat(chains, fmt::format("    {}(d{{i}}, a, n0, n1);\n", function));
  }
  made.per_round = 2 * kPairs * chains;
  made.work = kMmaFlops;
  made.unit = "flop";
  made.fact = fact;
  return made;
}

RateGroup mma_group(const std::string& name, const std::string& function, bool packed, const std::string& fact) {
  RateGroup group{name, {}};
  for (const int warps : {4, 8, 16}) {
    for (const int chains : {1, 2, 4, 8}) group.variants.push_back(mma(function, packed, warps, chains, fact));
  }
  return group;
}

/// Chains of one instruction: `step` changes r{i}, a vu.
RateGroup chain_group(const std::string& name, const std::string& step, int warps = 16, double work = 0,
                      const std::string& unit = "", const std::string& fact = "") {
  constexpr int kChains = 8, kRepeats = 8;
  RateKernel made;
  made.name = fmt::format("{} warps, {} chains", warps, kChains);
  made.warps = warps;
  made.setup = repeat(kChains, "  vu r{i} = seed({i});\n") + "  vu p = seed(8), q = seed(9);\n";
  for (int i = 0; i < kRepeats; ++i) made.body += repeat(kChains, fmt::format("    {}\n", step));
  made.sink = sum(kChains, "r{i}") + " ^ p ^ q";
  made.per_round = kChains * kRepeats;
  made.work = work;
  made.unit = unit;
  made.fact = fact;
  return {name, {made}};
}

/// How many half2 operations hide behind one product: `per_mma` of them for each.
RateGroup mix_group() {
  RateGroup group{"mma_f16_f16 with half2 fma beside it", {}};
  for (const int per_mma : {0, 1, 2, 4, 8}) {
    RateKernel made = mma("mma_f16_f16", true, 8, 4, "");
    made.name = fmt::format("{} fma for each product", per_mma);
    made.setup += repeat(8, "  vu h{i} = seed({i} + 3);\n") + "  vu p = seed(1), q = seed(2);\n";
    std::string mixed;
    int next = 0;
    for (std::size_t at = 0; at < made.body.size();) {
      const std::size_t end = made.body.find('\n', at) + 1;
      mixed += made.body.substr(at, end - at);
      for (int i = 0; i < per_mma; ++i, next = (next + 1) % 8) {
        mixed += fmt::format("    h{0} = f16x2_fma(h{0}, p, q);\n", next);
      }
      at = end;
    }
    made.body = mixed;
    made.sink += " ^ " + sum(8, "h{i}");
    group.variants.push_back(made);
  }
  return group;
}

/// Shared-memory reads or writes without conflicts. The address is another in each round, or the assembler
/// would read once before the loop.
RateGroup shared_group(const std::string& name, const std::string& statement, int bytes_a_lane,
                       const std::string& fact) {
  RateGroup group{name, {}};
  for (const int warps : {8, 16, 32}) {
    RateKernel made;
    made.name = fmt::format("{} warps", warps);
    made.warps = warps;
    made.shared_bytes = 32 * 1024;
    made.setup =
        "  vi base = lane_id() * " + std::to_string(bytes_a_lane) +
        " + (warp_id() & 3) * 512;\n  vu r = seed(0);\n"
        "  u32x4 v4 = {seed(1), seed(2), seed(3), seed(4)};\n  u32x2 v2 = {seed(1), seed(2)};\n"
        "  for (int i = 0; i < 16; ++i) sts_u32(lane_id() * 4 + i * 128 + (warp_id() & 15) * 2048, seed(i));\n"
        "  block_sync();\n  (void)v4;\n  (void)v2;\n";
    made.body = "    const vi here = base ^ ((round & 3) << 9);\n";
    for (int i = 0; i < 8; ++i)
      made.body +=
          fmt::format(fmt::runtime("    " + statement + "\n"), fmt::arg("at", fmt::format("here + {}", i * 2048)));
    made.sink = "r";
    made.per_round = 8;
    made.work = 32.0 * bytes_a_lane;
    made.unit = "byte";
    made.fact = fact;
    group.variants.push_back(made);
  }
  return group;
}

}  // namespace

std::vector<RateGroup> rate_groups() {
  std::vector<RateGroup> groups = {
      mma_group("mma m16n8k16, fp16 operands, fp16 accumulators", "mma_f16_f16", true, "mma_f16_flops"),
      mma_group("mma m16n8k16, fp16 operands, fp32 accumulators", "mma_f16_f32", false, "mma_f16f32_flops"),
      mma_group("mma m16n8k16, bf16 operands, fp32 accumulators", "mma_bf16_f32", false, "mma_bf16_flops"),
      mix_group(),
      chain_group("fp32 fma", "r{i} = as_uint(fma_f32(as_float(r{i}), as_float(p), as_float(q)));", 16, 64, "flop",
                  "fma_f32_flops"),
      chain_group("half2 fma", "r{i} = f16x2_fma(r{i}, p, q);", 16, 128, "flop"),
      chain_group("half2 add", "r{i} = f16x2_add(r{i}, p);", 16, 64, "flop"),
      chain_group("bf16x2 fma", "r{i} = bf16x2_fma(r{i}, p, q);", 16, 128, "flop"),
      chain_group("pack two fp32 to half2", "r{i} = pack_f16x2(as_float(r{i}), as_float(p));"),
      chain_group("pack two fp32 to bf16x2", "r{i} = pack_bf16x2(as_float(r{i}), as_float(p));"),
      chain_group("fp16 to fp32", "r{i} = as_uint(f16x2_low(r{i})) ;"),
      chain_group("integer multiply and add", "r{i} = r{i} * p + q;"),
      // In assembly: the compiler sees that the second and later ones change nothing.
      chain_group("bitwise", "asm volatile(\"lop3.b32 %0, %0, %1, %2, 0x6a;\" : \"+r\"(r{i}) : \"r\"(p), \"r\"(q));"),
      chain_group("shuffle", "r{i} = __shfl_xor_sync(0xffffffffu, r{i}, 5);"),
      shared_group("shared memory read, 4 bytes a lane", "r ^= lds_u32({at});", 4, ""),
      shared_group("shared memory read, 8 bytes a lane", "{{ u32x2 v = lds_u32x2({at}); r ^= v.x ^ v.y; }}", 8, ""),
      shared_group("shared memory read, 16 bytes a lane",
                   "{{ u32x4 v = lds_u32x4({at}); r ^= v.x ^ v.y ^ v.z ^ v.w; }}", 16, "shared_bytes_per_clock"),
      shared_group("ldmatrix x4", "{{ u32x4 v = ldmatrix_x4({at}); r ^= v.x ^ v.y ^ v.z ^ v.w; }}", 16, ""),
      shared_group("ldmatrix x4 transposed", "{{ u32x4 v = ldmatrix_x4_trans({at}); r ^= v.x ^ v.y ^ v.z ^ v.w; }}",
                   16, ""),
      shared_group("shared memory write, 4 bytes a lane", "sts_u32({at}, v4.x);", 4, ""),
      shared_group("shared memory write, 16 bytes a lane", "sts_u32x4({at}, v4);", 16, ""),
  };
  RateGroup barrier = shared_group("block barrier", "block_sync(); (void)({at});", 0, "");
  for (RateKernel& variant : barrier.variants) {
    variant.work = 0;
    variant.unit.clear();
  }
  groups.push_back(barrier);
  return groups;
}

SmallKernel small_kernel(const RateKernel& kernel, int sm_count) {
  SmallKernel small;
  small.entry = {
      .name = "rate", .grid = {sm_count, 1, 1}, .threads = kernel.warps * 32, .shared_bytes = kernel.shared_bytes};
  small.text = fmt::format(
      "FFTCONV_KERNEL(rate, {0}, 1)(const fftconv_args args) {{\n"
      "#define seed(i) ldg_u32(args.u, ((lane_id() * 4 + warp_id() * 128) & 4095) + (i) * 4096)\n{1}"
      "  block_sync();\n"
      "  const long long begin = clock64();\n"
      "#pragma unroll 1\n"
      "  for (int round = 0; round < (int)args.seqlen; ++round) {{\n{2}  }}\n"
      "  const vu sink = {3};\n"
      "  const long long end = clock64() + (sink == 0x12345677u ? 1 : 0);\n"
      "  if (lane_id() == 0) ((long long*)args.y)[block_x() * {4} + warp_id()] = end - begin;\n}}\n",
      kernel.warps * 32, kernel.setup, kernel.body, kernel.sink, kernel.warps);
  return small;
}

}  // namespace fftconv::gpu_suite
