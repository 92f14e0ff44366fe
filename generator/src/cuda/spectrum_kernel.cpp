#include "cuda/spectrum_kernel.h"

#include <fmt/format.h>

#include <vector>

namespace fftconv::cuda {

std::string spectrum_kernel(const Layout& l) {
  // Radices and the expression of q as a number, k1 + N1 k2 + ..., from its place in scratch, digit by digit.
  const std::vector<int>& radices = l.radices;

  std::string text =
      "\n// ---- filter spectrum ----\n"
      "FFTCONV_KERNEL(fftconv_spectrum, SPECTRUM_THREADS, 1)(const fftconv_args args) {\n"
      "  void* scratch = (char*)args.scratch + (long long)block_x() * (M * 8);\n"
      "  for (int f = block_x(); f < (int)args.filters; f += SPECTRUM_BLOCKS) {\n"
      "    const void* filter = (const char*)args.filter + (long long)f * (FILTER_LEN * 4);\n"
      "    void* spectrum = (char*)args.spectrum + (long long)f * M * (TILE_BYTES / 128);\n";
  int before = 1;
  for (std::size_t d = 0; d < radices.size(); ++d) {
    const int radix = radices[d];
    const std::int64_t columns = l.m / radix, after = l.m / (std::int64_t{before} * radix);
    std::string order = "(vi)0";
    if (d == 1) order = "q";
    if (d == 2) order = fmt::format("q / {} + q % {} * {}", radices[1], radices[1], radices[0]);
    if (d == 3) {
      order = fmt::format("q / {} + q / {} % {} * {} + q % {} * {}", radices[1] * radices[2], radices[2], radices[1],
                          radices[0], radices[2], radices[0] * radices[1]);
    }
    text += fmt::format(
        "    // Digit {}, {} points: {} columns.\n"
        "    for (int i = warp_id() * 32; i < {}; i += SPECTRUM_THREADS) {{\n"
        "      const vp valid = lane_id() + i < {};\n"
        "      const vi number = select(valid, lane_id() + i, (vi)0), q = number / {}, rest = number % {};\n"
        "      const column at = {{q, {}, rest, valid}};\n",
        d + 1, radix, columns, columns, columns, after, after, order);
    if (d + 1 < radices.size()) {
      text +=
          fmt::format("      outer_digit<{}, {}, {}>(filter, args.tables, scratch, at);\n", radix, before, d == 0);
    } else {
      text += "      last_digit(args.tables, scratch, spectrum, at);\n";
    }
    text += "    }\n    block_sync();\n";
    before *= radix;
  }
  text += "  }\n}\n";
  return text;
}

}  // namespace fftconv::cuda
