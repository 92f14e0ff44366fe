#include "cuda/convolution_kernel.h"

#include <fmt/format.h>

#include "cuda/tables.h"

namespace fftconv::cuda {
namespace {

/// Indented lines of emitted text.
class Text {
 public:
  template <class... Arguments>
  void line(int indent, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    const int columns = indent == 0 ? 0 : 2 * (indent + deeper_);
    text_.append(static_cast<std::size_t>(columns), ' ');
    text_ += fmt::format(format, std::forward<Arguments>(arguments)...);
    text_ += '\n';
  }
  void blank() { text_ += '\n'; }
  /// Lines that follow stand `levels` further in (pragmas and declarations, of indent 0, stay where they are).
  void deeper(int levels) { deeper_ = levels; }
  std::string take() && { return std::move(text_); }

 private:
  std::string text_;
  int deeper_ = 0;
};

/// A small DFT as constant arrays, fp32 in hexadecimal.
void constant_matrix(Text& out, const char* name, int radix, const Entry (&entry)[8][8]) {
  for (const bool imaginary : {false, true}) {
    out.line(0, "constexpr float {}_{}[{}][{}] = {{", name, imaginary ? "IM" : "RE", radix, radix);
    for (int k = 0; k < radix; ++k) {
      std::string row;
      for (int n = 0; n < radix; ++n) {
        const auto value = static_cast<float>(imaginary ? entry[k][n].im : entry[k][n].re);
        row += fmt::format("{}{:a}f", n ? ", " : "", value);
      }
      out.line(2, "{{{}}},", row);
    }
    out.line(0, "}};");
  }
}

void left_over_matrices(Text& out, const Layout& l) {
  Entry entry[8][8] = {};
  if (l.first.radix > 1 && !l.first.mma) {
    for (int k = 0; k < l.first.radix; ++k) {
      for (int n = 0; n < l.first.radix; ++n) entry[k][n] = shifted_dft(l.first.radix, -l.theta, k, n);
    }
    out.line(0, "// A of the first digit.");
    constant_matrix(out, "FIRST", l.first.radix, entry);
  }
  if (l.second.radix > 1 && !l.second.mma) {
    for (int k = 0; k < l.second.radix; ++k) {
      for (int n = 0; n < l.second.radix; ++n) entry[k][n] = plain_dft(l.second.radix, k, n);
    }
    out.line(0, "// DFT of the second digit.");
    constant_matrix(out, "SECOND", l.second.radix, entry);
  }
}

void transfers(Text& out) {
  out.line(0, "// Starts the copy of transform i's rows into a slot; rows past the batch are zero.");
  out.line(0,
           "FFTCONV_DEVICE void load_transform(const fftconv_args& args, int i, int channel, vi slot, int warp) {{");
  out.line(0, "#pragma unroll");
  out.line(1, "for (int rider = 0; rider < RIDERS; ++rider) {{");
  out.line(2, "const int row = i * RIDERS + rider;");
  out.line(2, "const bool present = row < (int)args.batch;");
  out.line(2, "load_row((const char*)args.u + row_bytes(args, present ? row : 0, channel), present,");
  out.line(2, "         slot + rider * IO_ROW, warp);");
  out.line(1, "}}");
  out.line(0, "}}");
  out.line(0,
           "FFTCONV_DEVICE void store_transform(const fftconv_args& args, int i, int channel, vi slot, int warp) {{");
  out.line(0, "#pragma unroll");
  out.line(1, "for (int rider = 0; rider < RIDERS; ++rider) {{");
  out.line(2, "const int row = i * RIDERS + rider;");
  out.line(2, "if (row < (int)args.batch) {{");
  out.line(3, "store_row((char*)args.y + row_bytes(args, row, channel), slot + rider * IO_ROW, warp);");
  out.line(2, "}}");
  out.line(1, "}}");
  out.line(0, "}}");
}

void helpers(Text& out, const Problem& problem, const KernelConfig& config, const Layout& l) {
  out.blank();
  out.line(0, "// The warps of one transform wait for each other.");
  out.line(0, "FFTCONV_DEVICE void transform_sync(int group) {{");
  if (config.warps == 1) {
    out.line(1, "warp_sync();");
  } else if (config.rows == 1) {
    out.line(1, "block_sync();");
  } else {
    out.line(1, "group_sync(group, WARPS * 32);");
  }
  out.line(0, "}}");
  out.line(0, "FFTCONV_DEVICE long long row_bytes(const fftconv_args& args, int row, int channel) {{");
  out.line(1, "return ((long long)row * args.channels + channel) * (L * IO_SIZE);");
  out.line(0, "}}");
  if (l.residues == 1) transfers(out);
  out.line(0, "FFTCONV_DEVICE int filter_of(const fftconv_args& args, int row, int channel) {{");
  switch (problem.sharing) {
    case FilterSharing::per_channel:
      out.line(1, "return channel;");
      break;
    case FilterSharing::per_group:
      out.line(1, "return channel / (int)(args.channels / args.filters);");
      break;
    case FilterSharing::per_example:
      out.line(1, "return row * (int)args.channels + channel;");
      break;
  }
  out.line(0, "}}");
  out.line(0, "FFTCONV_DEVICE slab_tables tables_of(const fftconv_args& args, int filter, int q) {{");
  out.line(1, "const void* spectrum = (const char*)args.spectrum + (long long)filter * M * (TILE_BYTES / 128);");
  out.line(1, "return {{{{args.tables, TABLE_A + q * A_STRIDE}}, args.tables, spectrum, TABLE_T + q * T_STRIDE,");
  out.line(1, "        TABLE_T_TRANSPOSED + q * T_STRIDE, q * T_STRIDE}};");
  out.line(0, "}}");
}

/// A loop of the transform's warps over `units` pieces of work, by turns, so that what does not depend on the turn is
/// seen not to. Turns are unrolled where there are few.
void unit_loop(Text& out, std::int64_t units, int warps) {
  const std::int64_t turns = (units + warps - 1) / warps;
  out.line(0, "#pragma unroll {}", turns <= 4 ? turns : 1);
  out.line(2, "for (int turn = 0; turn < {}; ++turn) {{", turns);
  out.line(3, "const int unit = warp + turn * WARPS;");
  if (units % warps != 0) out.line(3, "if (unit >= {}) break;", units);
}

/// The place of a unit of an outer digit: r, h on tensor cores, the first word i on CUDA cores, and the other digit
/// as `base` where units run over it too.
void unit_place(Text& out, const Layout& l, const OuterDigit& digit, int width, int indent, bool with_base) {
  if (!digit.mma) {
    if (with_base) out.line(indent, "const int base = unit / (R * C / 64);");
    out.line(indent, "const int i = unit % (R * C / 64) * 32;");
    return;
  }
  const int groups = l.columns / 8 / width, sets = l.rows / digit.columns;
  if (with_base) out.line(indent, "const int base = unit / {};", sets * groups);
  if (groups == 1) {
    out.line(indent, "const int set = unit % {}, h = 0;", sets);
  } else {
    out.line(indent, "const int set = unit / {} % {}, h = unit % {} * {};", groups, sets, groups, width);
  }
  const int eighth = 8 / digit.columns;  // sets of `columns` values of r that share 8 neighbours
  if (digit.columns == 1) {
    out.line(indent, "const int r = set;");
  } else if (eighth == 1) {
    out.line(indent, "const int r = set * 8;  // and the 7 that follow");
  } else {
    out.line(indent, "const int r = set / {} * 8 + set % {} * 2;  // and {} more of the same 8", eighth, eighth,
             digit.columns - 1);
  }
}

std::int64_t units_of(const Layout& l, const OuterDigit& digit, int width) {
  const std::int64_t bases = l.slabs / digit.radix;
  return digit.mma ? bases * (l.rows / digit.columns) * (l.columns / 8 / width) : bases * l.rows * l.columns / 64;
}

void first_digit(Text& out, const KernelConfig& config, const Layout& l, bool forward) {
  out.line(2, "// {} 1, {} points on {}: {}.", forward ? "Digit" : "Inverse digit", l.first.radix,
           l.first.mma ? "tensor cores" : "CUDA cores",
           forward ? (l.paired ? "u1 + i u2 -> Z[k1]" : "real u -> Z[k1], half the work")
                   : (l.paired ? "Z[k1] -> y1 + i y2" : "Z[k1] -> real y, half the work"));
  unit_loop(out, units_of(l, l.first, l.width_first), config.warps);
  unit_place(out, l, l.first, l.width_first, 3, true);
  out.line(3, "const vi io = slot + io_slab_offset(0, base), slab = spectrum + slab_offset(0, base);");
  if (l.first.mma) {
    out.line(3, "const outer_unit at = {{io, io + IO_ROW, IO_STEP1, slab, SLAB_STEP1, r, h}};");
    if (l.paired) {
      out.line(3, "outer_complex<{}, {}, {}, ends::{}, ends::{}>(at, first_matrix);", l.first.radix, l.width_first,
               !forward, forward ? "pair" : "spectrum", forward ? "spectrum" : "pair");
    } else {
      out.line(3, "outer_{}_real<{}, {}>(at, first_matrix);", forward ? "from" : "to", l.first.radix, l.width_first);
    }
  } else {
    out.line(3, "const outer_columns at = {{io, io + IO_ROW, IO_STEP1, slab, SLAB_STEP1}};");
    out.line(3, "fma_{}_real<{}, PAIRED>(at, i, FIRST_RE, FIRST_IM);", forward ? "from" : "to", l.first.radix);
  }
  out.line(2, "}}");
  out.line(2, "transform_sync(group);");
}

/// The second digit's matrix depends on k1: a warp stays with one k1 as long as it can, so that a matrix of one block
/// is read once and then kept.
void second_digit(Text& out, const KernelConfig& config, const Layout& l, bool forward) {
  const int bases = l.first.radix;
  const std::int64_t units = units_of(l, l.second, l.width_second) / bases;
  out.line(2, "// {} 2, {} points on {}, in place, for each k1.", forward ? "Digit" : "Inverse digit", l.second.radix,
           l.second.mma ? "tensor cores" : "CUDA cores");
  const bool shared = bases < config.warps && config.warps % bases == 0;  // several warps take one k1
  out.line(2, "for (int k1 = warp{}; k1 < N1_OUTER; k1 += {}) {{", shared ? " % N1_OUTER" : "",
           shared ? "N1_OUTER" : "WARPS");
  out.line(3, "const vi slab = spectrum + slab_offset(k1, 0);");
  if (l.second.mma) {
    out.line(3, "const memory_matrix in_memory = {{args.tables, TABLE_SECOND + k1 * SECOND_STRIDE}};");
    out.line(3, "const {} a = {};", l.second.blocks == 1 ? "resident_matrix" : "memory_matrix",
             l.second.blocks == 1 ? "make_resident(in_memory)" : "in_memory");
  }
  out.line(3, "for (int unit = {}; unit < {}; unit += {}) {{", shared ? "warp / N1_OUTER" : "0", units,
           shared ? config.warps / bases : 1);
  unit_place(out, l, l.second, l.width_second, 4, false);
  if (l.second.mma) {
    out.line(4, "const outer_unit at = {{slab, slab, 0, slab, SLAB_STEP2, r, h}};");
    out.line(4, "outer_complex<{}, {}, {}, ends::spectrum, ends::spectrum>(at, a);", l.second.radix, l.width_second,
             !forward);
  } else {
    out.line(4, "const outer_columns at = {{slab, slab, 0, slab, SLAB_STEP2}};");
    out.line(4, "fma_{}<{}>(at, i, args.tables, TABLE_SECOND + k1 * SECOND_STRIDE, SECOND_RE, SECOND_IM);",
             forward ? "forward" : "inverse", l.second.radix);
  }
  out.line(3, "}}");
  out.line(2, "}}");
  out.line(2, "transform_sync(group);");
}

const char* core_comment(const Layout& l) {
  return l.order == 2 ? "Both digits, the filter, and back, in registers: {} x {} points."
                      : "The core's digits, the filter, and back, in registers: {} x {} points a slab, in place.";
}

/// The operands of the core, its work and the place of its results, for the slab at hand.
void core_call(Text& out, const Layout& l, int indent, const char* tables, bool of_row) {
  out.line(indent, "complex_operand x[RB][2 * CB];");
  if (!of_row) {
    out.line(indent, "load_slab(slab, x);");
    out.line(indent, "warp_sync();");
    out.line(indent, "core<false>({}, columns, x, [&](int m, int j, const complex_accumulator& c) {{", tables);
    out.line(indent + 1, "store_slab_tile(slab, m, j, c);");
    out.line(indent, "}});");
    return;
  }
  out.line(indent, "operand u[RB][2 * CB][2];");
  out.line(indent, "load_row_operands(slot, u);");
  if (l.paired) {
    out.line(indent, "operand v[RB][2 * CB][2];");
    out.line(indent, "load_row_operands(slot + IO_ROW, v);");
  }
  out.line(0, "#pragma unroll");
  out.line(indent, "for (int k = 0; k < RB; ++k) {{");
  out.line(0, "#pragma unroll");
  out.line(indent + 1,
           "for (int j = 0; j < 2 * CB; ++j) x[k][j] = {{{{u[k][j][0], u[k][j][1]}}, {{{}[k][j][0], {}[k][j][1]}}}};",
           l.paired ? "v" : "u", l.paired ? "v" : "u");
  out.line(indent, "}}");
  out.line(indent, "warp_sync();");
  out.line(indent, "core<{}>({}, columns, x, [&](int m, int j, const complex_accumulator& c) {{", !l.paired, tables);
  out.line(indent + 1, "store_row_tile(slot, m, j, c.re);");
  if (l.paired) out.line(indent + 1, "store_row_tile(slot + IO_ROW, m, j, c.im);");
  out.line(indent, "}});");
}

void core_stage(Text& out, const Problem& problem, const KernelConfig& config, const Layout& l) {
  const bool twiddle_stays = config.twiddle == Residency::registers,
             filter_stays = config.filter == Residency::registers;
  out.line(2, "// {}", fmt::format(fmt::runtime(core_comment(l)), l.rows, l.columns));
  const bool stays = twiddle_stays || filter_stays;
  if (l.order == 2) {
    out.line(2, "{{");
    out.line(3, "const int q = 0;");
  } else if (stays) {
    out.line(0, "#pragma unroll");
    out.line(2, "for (int s = 0; s < {}; ++s) {{", l.slabs / config.warps);
    out.line(3, "const int q = warp + s * WARPS;");
  } else {
    out.line(2, "for (int q = warp; q < Q; q += WARPS) {{");
  }
  if (l.order > 2) out.line(3, "const vi slab = spectrum + slab_offset(q / N2_OUTER, q % N2_OUTER);");
  out.line(3, "const slab_tables in_memory = tables_of(args, filter_of(args, {}, channel), {}q);",
           problem.sharing == FilterSharing::per_example ? "i" : "0", l.residues > 1 ? "j * Q + " : "");
  const char* tables = "in_memory";
  if (l.resident_slabs) {
    tables = "constants";
    out.line(3, "resident_tables{} constants{};", stays ? "&" : "",
             stays ? (l.order == 2 ? " = kept[0]" : " = kept[s]") : "");
    if (!twiddle_stays) out.line(3, "make_resident_twiddle(in_memory, constants);");
    if (!filter_stays) out.line(3, "make_resident_kernel(in_memory, constants);");
  }
  core_call(out, l, 3, tables, l.order == 2);
  out.line(2, "}}");
  out.line(2, "transform_sync(group);");
}

void before_loop(Text& out, const Problem&, const KernelConfig& config, const Layout& l) {
  if (l.first.mma && l.residues == 1) {
    out.line(1, "const memory_matrix first_in_memory = {{args.tables, TABLE_FIRST}};");
    out.line(1, "const {} first_matrix = {};", l.first.blocks == 1 ? "resident_matrix" : "memory_matrix",
             l.first.blocks == 1 ? "make_resident(first_in_memory)" : "first_in_memory");
  }
  out.line(1,
           "const memory_matrix w_left = {{args.tables, TABLE_W_LEFT}}, w_right = {{args.tables, TABLE_W_RIGHT}};");
  if (l.resident_columns) {
    out.line(1,
             "const column_matrices<resident_matrix> columns = {{make_resident(w_left), make_resident(w_right)}};");
  } else {
    out.line(1, "const column_matrices<memory_matrix> columns = {{w_left, w_right}};");
  }
  const bool twiddle_stays = config.twiddle == Residency::registers,
             filter_stays = config.filter == Residency::registers;
  if (!twiddle_stays && !filter_stays) return;
  const int kept = l.order == 2 ? 1 : l.slabs / config.warps;
  out.line(1, "// What this warp's slabs need stays in registers over all rows.");
  out.line(1, "resident_tables kept[{}];", kept);
  out.line(0, "#pragma unroll");
  out.line(1, "for (int s = 0; s < {}; ++s) {{", kept);
  out.line(2, "const slab_tables in_memory = tables_of(args, filter_of(args, 0, channel), {});",
           l.order == 2 ? "0" : "warp + s * WARPS");
  if (twiddle_stays) out.line(2, "make_resident_twiddle(in_memory, kept[s]);");
  if (filter_stays) out.line(2, "make_resident_kernel(in_memory, kept[s]);");
  out.line(1, "}}");
}

/// Strategy l2: the first digit of a residue, complex and in place.
void residue_digit(Text& out, const KernelConfig& config, const Layout& l, bool forward) {
  out.line(2, "// {} of the residue, {} points on tensor cores, in place.",
           forward ? "First digit" : "First digit back", l.first.radix);
  unit_loop(out, units_of(l, l.first, l.width_first), config.warps);
  unit_place(out, l, l.first, l.width_first, 3, true);
  out.line(3, "const vi slab = spectrum + slab_offset(0, base);");
  out.line(3, "const outer_unit at = {{slab, slab, 0, slab, SLAB_STEP1, r, h}};");
  out.line(3, "outer_complex<{}, {}, {}, ends::spectrum, ends::spectrum>(at, first_matrix);", l.first.radix,
           l.width_first, !forward);
  out.line(2, "}}");
  out.line(2, "transform_sync(group);");
}

/// Strategy l2: all residues of a row, one after another in the same slabs.
void residue_loop(Text& out, const Problem& problem, const KernelConfig& config, const Layout& l) {
  out.line(0, "#pragma unroll 1");
  out.line(1, "for (int i = first; i < past; i += ROWS) {{");
  out.line(2, "const void* u = (const char*)args.u + row_bytes(args, i, channel);");
  out.line(2, "void* y = (char*)args.y + row_bytes(args, i, channel);");
  out.line(0, "#pragma unroll 1");
  out.line(2, "for (int j = 0; j < RESIDUES; ++j) {{");
  out.deeper(1);
  out.line(2, "const residue_weights weights = load_weights(args.tables, j);");
  out.line(2, "const memory_matrix first_in_memory = {{args.tables, TABLE_FIRST + j * FIRST_STRIDE}};");
  out.line(2, "const {} first_matrix = {};", l.first.blocks == 1 ? "resident_matrix" : "memory_matrix",
           l.first.blocks == 1 ? "make_resident(first_in_memory)" : "first_in_memory");
  out.blank();
  out.line(2, "// Outermost digit, {} points on CUDA cores: real u -> Z_j.", l.residues);
  out.line(2, "load_residue(u, spectrum, weights, warp);");
  out.line(2, "transform_sync(group);");
  residue_digit(out, config, l, true);
  core_stage(out, problem, config, l);
  residue_digit(out, config, l, false);
  out.line(2, "// Outermost digit back: Z_j -> its part of real y. A lane adds where it has loaded.");
  out.line(2, "add_residue(y, spectrum, weights, j == 0, warp);");
  out.deeper(0);
  out.line(2, "}}");
  out.line(1, "}}");
}

void row_loop(Text& out, const Problem& problem, const KernelConfig& config, const Layout& l) {
  const bool ring = config.depth > 1;
  out.line(1, "const int transforms = ((int)args.batch + RIDERS - 1) / RIDERS;");
  out.line(1, "const int first = block_y() * ROWS * LOOP + group;");
  out.line(1,
           "const int past = LOOP == 0 || (block_y() + 1) * ROWS * LOOP > transforms ? transforms : (block_y() + 1) "
           "* ROWS * LOOP;");
  out.line(1, "const vi spectrum = (vi)(group * {});", l.group_bytes);
  if (l.residues > 1) {
    residue_loop(out, problem, config, l);
    return;
  }
  out.line(1, "const vi slots = spectrum + SPECTRUM_BYTES;");
  if (ring) {
    out.line(1, "// The first DEPTH - 1 transforms are under way before the loop.");
    out.line(1, "for (int d = 0; d < DEPTH - 1; ++d) {{");
    out.line(2, "const int ahead = first + d * ROWS;");
    out.line(2, "if (ahead < past) load_transform(args, ahead, channel, slots + d * (RIDERS * IO_ROW), warp);");
    out.line(2, "cp_async_commit();");
    out.line(1, "}}");
    out.line(1, "int use = 0;");
  }
  out.line(0, "#pragma unroll 1");
  out.line(1, "for (int i = first; i < past; i += ROWS) {{");
  if (ring) {
    out.line(2, "// This transform's rows have arrived, and all have left the slot that is loaded next.");
    out.line(2, "cp_async_wait<DEPTH - 2>();");
    out.line(2, "transform_sync(group);");
    out.line(2, "const int ahead = i + (DEPTH - 1) * ROWS, free = (use + DEPTH - 1) % DEPTH;");
    out.line(2, "if (ahead < past) load_transform(args, ahead, channel, slots + free * (RIDERS * IO_ROW), warp);");
    out.line(2, "cp_async_commit();");
    out.line(2, "const vi slot = slots + use * (RIDERS * IO_ROW);");
    out.line(2, "use = use + 1 == DEPTH ? 0 : use + 1;");
  } else {
    out.line(2, "transform_sync(group);  // all have left the slot");
    out.line(2, "const vi slot = slots;");
    out.line(2, "load_transform(args, i, channel, slot, warp);");
    out.line(2, "cp_async_commit();");
    out.line(2, "cp_async_wait<0>();");
    out.line(2, "transform_sync(group);");
  }
  out.blank();
  if (l.order >= 3) first_digit(out, config, l, true);
  if (l.order >= 4) second_digit(out, config, l, true);
  core_stage(out, problem, config, l);
  if (l.order >= 4) second_digit(out, config, l, false);
  if (l.order >= 3) first_digit(out, config, l, false);
  out.blank();
  out.line(2, "store_transform(args, i, channel, slot, warp);");
  out.line(1, "}}");
}

}  // namespace

std::string convolution_kernel(const Problem& problem, const KernelConfig& config, const Layout& l,
                               const Geometry& g) {
  Text out;
  out.blank();
  out.line(0, "// ---- convolution ----");
  left_over_matrices(out, l);
  helpers(out, problem, config, l);
  out.blank();
  out.line(0, "FFTCONV_KERNEL(fftconv_convolution, {}, {})(const fftconv_args args) {{", l.threads, g.blocks_per_sm);
  out.line(1, "const int warp = warp_id() % WARPS, group = warp_id() / WARPS, channel = block_x();");
  before_loop(out, problem, config, l);
  row_loop(out, problem, config, l);
  out.line(0, "}}");
  return std::move(out).take();
}

}  // namespace fftconv::cuda
