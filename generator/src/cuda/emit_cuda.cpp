// Emits the CUDA text of the fused family: a header comment, named constants, the templates that the config needs,
// and the two kernels, stage by stage.
#include <fmt/format.h>

#include <bit>
#include <string>

#include "backend.h"
#include "cuda/convolution_kernel.h"
#include "cuda/geometry.h"
#include "cuda/layout.h"
#include "cuda/spectrum_kernel.h"
#include "cuda/tables.h"
#include "fftconv/sha256.h"
#include "fftconv/templates.h"

namespace fftconv::cuda {
namespace {

std::string text_of(std::string_view name) {
  return fmt::format("\n// ---- {} ----\n{}", name, template_text(fmt::format("cuda/{}", name)));
}

/// The problem's text with batch and channels left open: the kernel takes them as arguments.
std::string text_of_any_batch(const Problem& problem) {
  std::string text = to_string(problem);
  const std::string sizes = fmt::format("/b{}/h{}/", problem.batch, problem.channels);
  if (const std::size_t at = text.find(sizes); at != std::string::npos) text.replace(at, sizes.size(), "/b*/h*/");
  return text;
}

std::string header_comment(const Problem& problem, const KernelConfig& config, const Layout& l,
                           const DeviceFacts& device) {
  std::string digits;
  for (std::size_t i = 0; i < config.radices.size(); ++i) {
    digits += fmt::format("{}N{} = {}", i ? ", " : "", i + 1, config.radices[i]);
  }
  const KernelCounts counts = cuda::count(problem, config, device);
  const double points = counts.complex_points;
  return fmt::format(
      "// fftconv: fused long convolution, y[b][h] = k[h] * u[b][h], {mode}, emitted for {arch}.\n"
      "//\n"
      "// problem  {problem}\n"
      "// config   {config}\n"
      "//\n"
      "// Monarch transform of order {p}: M = {m} = {digits}, M >= L = {length}.\n"
      "// {transform}\n"
      "// Digits are transformed outermost first, the inverse runs back; the spectrum keeps digit-reversed order "
      "and\n"
      "// nothing is reordered. Stage scaling is orthonormal. Half-shifted DFT matrices, phi = (q - theta) / Q,\n"
      "//   A_q[k][n] = exp(-2 pi i (n + phi)(k + phi) / N) / sqrt(N)\n"
      "// absorb all twiddles but the one before the last digit; what phase they leave depends on transformed "
      "digits\n"
      "// only, so forward and inverse cancel it.\n"
      "//\n"
      "// The cost model expects, per complex point: {mma:.3f} matrix products (m16n8k16), {slots:.1f} issue slots,\n"
      "// {shared:.1f} bytes of shared memory; {bytes} bytes of shared memory a block.\n",
      fmt::arg("mode", to_string(problem.mode)), fmt::arg("arch", device.arch),
      fmt::arg("problem", text_of_any_batch(problem)), fmt::arg("config", to_string(config)), fmt::arg("p", l.order),
      fmt::arg("m", l.m), fmt::arg("digits", digits), fmt::arg("length", problem.seqlen),
      fmt::arg("transform",
               l.paired ? "Two rows ride in one complex transform of length L: k * (u1 + i u2) = y1 + i y2."
                        : "Right-angle transform: products modulo x^M - i, frequencies k - 1/4; y is the real part."),
      fmt::arg("mma", counts.mma / points), fmt::arg("slots", 32 * counts.instructions / points),
      fmt::arg("shared", counts.shared_bytes / points), fmt::arg("bytes", l.shared_bytes));
}

std::string constants(const Problem& problem, const KernelConfig& config, const Layout& l) {
  std::string text = "\n// ---- constants ----\n";
  const auto constant = [&text](std::string_view name, std::int64_t value, std::string_view comment) {
    text += fmt::format("constexpr int {} = {};{}{}\n", name, value, comment.empty() ? "" : "  // ", comment);
  };
  const auto flag = [&text](std::string_view name, bool value, std::string_view comment) {
    text += fmt::format("constexpr bool {} = {};  // {}\n", name, value, comment);
  };
  constant("L", problem.seqlen, "samples of a row");
  constant("M", l.m, "points of a transform");
  constant("N1_OUTER", l.first.radix, "digits outside the core; 1 where there is none");
  constant("N2_OUTER", l.second.radix, "");
  constant("Q", l.slabs, "slabs in shared memory: N1_OUTER N2_OUTER");
  constant("R", l.rows, "the core's digits");
  constant("C", l.columns, "");
  constant("WARPS", config.warps, "that share one transform");
  constant("ROWS", config.rows, "transforms in flight in a block");
  constant("LOOP", config.loop, "transforms one after another; 0 = the whole batch");
  constant("DEPTH", config.depth, "slots of input");
  constant("RIDERS", l.riders, "rows in one transform");
  if (l.residues > 1) constant("RESIDUES", l.residues, "points of the outermost digit, computed one after another");
  flag("PAIRED", l.paired, "row 0 + i row 1");
  constant("COPY", l.copy, "bytes of an access of a row in global memory");
  // Spread the chunks of one r over the eight bank groups; linear in the bits of h, see slab.cuh.
  constant("SWIZZLE", 8 / std::min<int>(8, std::bit_ceil(static_cast<unsigned>(l.columns / 8))), "of chunks");
  constant("FILTER_LEN", problem.filter_len, "taps");
  constant("FIRST_LAG", first_lag(problem), "lag of tap 0");
  constant("LAG_STEP", lag_step(problem), "from tap to tap");
  flag("CIRCULAR", problem.mode == Mode::circular, "lags modulo L");
  text += "// Tables, byte offsets.\n";
  if (l.residues > 1) constant("TABLE_RESIDUE", l.table_residue, "A of the outermost digit, fp32");
  if (l.first.mma) constant("TABLE_FIRST", l.table_first, "A of the first digit in shared memory");
  if (l.residues > 1) constant("FIRST_STRIDE", l.first_stride, "from one residue's to the next");
  if (l.second.radix > 1) {
    constant(
        "TABLE_SECOND", l.table_second,
        l.second.mma ? "A of the second digit, one for each k1" : "twiddle of the second digit, one for each k1");
    constant("SECOND_STRIDE", l.second_stride, "");
  }
  constant("TABLE_A", l.table_a, "A of the core's rows, one for each slab");
  constant("A_STRIDE", l.a_stride, "");
  constant("TABLE_T", l.table_t, "twiddle of the core, one for each slab");
  constant("TABLE_T_TRANSPOSED", l.table_t_transposed, "");
  constant("T_STRIDE", l.t_stride, "");
  constant("TABLE_W_LEFT", l.table_w_left, "DFT of C points");
  constant("TABLE_W_RIGHT", l.table_w_right, "");
  constant("TABLE_ROOTS", l.table_roots, "exp(-2 pi i j / M), fp32");
  constant("TABLE_WEIGHTS", l.table_weights, "exp(2 pi i theta n / M), fp32");
  constant("SPECTRUM_BLOCKS", SPECTRUM_BLOCKS, "blocks of the spectrum kernel at most");
  constant("SPECTRUM_THREADS", SPECTRUM_THREADS, "");
  return text;
}

std::string engine_text(Engine engine) {
  const char* name = engine == Engine::mma_f16      ? "engine_f16.cuh"
                     : engine == Engine::mma_f16f32 ? "engine_f16f32.cuh"
                     : engine == Engine::mma_bf16   ? "engine_bf16.cuh"
                                                    : "engine_split.cuh";
  std::string text = text_of(name);
  constexpr std::string_view mark = "@packed\n";
  if (const std::size_t at = text.find(mark); at != std::string::npos) {
    text.replace(at, mark.size(), template_text("cuda/packed.cuh"));
  }
  return text;
}

std::string arguments_text() {
  return "\n// What both kernels take: fftconv::KernelArgs, field by field.\n"
         "struct fftconv_args {\n"
         "  const void* u;\n  void* y;\n  const void* filter;\n  void* spectrum;\n  void* scratch;\n"
         "  const void* tables;\n  const void* pregate;\n  const void* postgate;\n  const void* skip;\n"
         "  long long batch, channels, seqlen, filter_len, filters;\n};\n";
}

}  // namespace

Result<KernelSource> emit(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (Result<void> legal = cuda::check_legal(problem, config, device); !legal) return legal.error();
  const Layout l = make_layout(problem, config);
  const Geometry g = make_geometry(problem, config, l, device);

  KernelSource source;
  source.problem = problem;
  source.config = config;
  source.arch = device.arch;
  source.convolution = {"fftconv_convolution", {g.grid_x, g.grid_y, 1}, l.threads, l.shared_bytes};
  source.spectrum = {"fftconv_spectrum", {g.spectrum_blocks, 1, 1}, SPECTRUM_THREADS, 0};
  source.spectrum_bytes = filter_count(problem) * l.m * l.spectrum_point_bytes;
  source.spectrum_scratch_bytes = std::int64_t{g.spectrum_blocks} * l.m * 8;

  source.io_alignment = l.copy;

  std::string& text = source.text;
  text = header_comment(problem, config, l, device);
  text += fmt::format("\n#ifndef FFTCONV_SIM\n{}#endif\n", template_text("cuda/prelude.cuh"));
  text += arguments_text();
  text += constants(problem, config, l);
  text += engine_text(config.engine);
  text += text_of("complex_product.cuh");
  text += text_of("slab.cuh");
  if (problem.io != DataType::f32) {
    text += text_of(io_is_engine_type(problem.io, config.engine) ? "io_same.cuh"
                    : problem.io == DataType::f16                ? "io_f16.cuh"
                                                                 : "io_bf16.cuh");
  }
  text += text_of(problem.io == DataType::f32 ? "io_f32.cuh" : "io_half.cuh");
  text += text_of("rows.cuh");
  if (l.first.mma || l.second.mma) text += text_of("outer_mma.cuh");
  const bool left_over = (l.first.radix > 1 && !l.first.mma) || (l.second.radix > 1 && !l.second.mma);
  if (left_over || l.residues > 1) text += text_of("floats.cuh");
  if (left_over) text += text_of("outer_fma.cuh");
  text += text_of("core.cuh");
  if (l.residues > 1) {
    text += text_of(problem.io == DataType::f16    ? "samples_f16.cuh"
                    : problem.io == DataType::bf16 ? "samples_bf16.cuh"
                                                   : "samples_f32.cuh");
    text += text_of("residue.cuh");
  }
  text += convolution_kernel(problem, config, l, g);
  text += text_of("spectrum.cuh");
  text += text_of(l.planes == 1 ? "spectrum_store_packed.cuh" : "spectrum_store_split.cuh");
  text += text_of("spectrum_last.cuh");
  text += spectrum_kernel(l);

  source.options = {"--std=c++20"};
  source.tables = make_tables(l, config.engine);
  std::string identity = device.arch + "\n";
  for (const std::string& option : source.options) identity += option + "\n";
  source.digest = sha256(identity + text);
  return source;
}

}  // namespace fftconv::cuda
