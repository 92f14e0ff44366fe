#include "cuda/tables.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <numbers>

#include "fftconv/half.h"

namespace fftconv::cuda {
namespace {

Entry root(double turns) {  // exp(-2 pi i turns), with the argument reduced first
  const double angle = -2 * std::numbers::pi * (turns - std::floor(turns));
  return {std::cos(angle), std::sin(angle)};
}

/// Writes numbers as the engine stores them.
class Writer {
 public:
  Writer(const Layout& layout, Engine engine)
      : layout_(layout), engine_(engine), bytes_(static_cast<std::size_t>(layout.table_bytes)) {}

  using Matrix = std::function<Entry(int row, int column)>;

  /// A radix x radix matrix in fragment order, block row by block row. `right`: as right-hand operand, where the
  /// registers 1 and 2 change places so that each half (8 columns) is a pair of neighbours. Expects a symmetric one.
  void matrix(std::int64_t at, int radix, const Matrix& entry, bool right) {
    const int blocks = radix / 16;
    for (int m = 0; m < blocks; ++m) {
      for (int k = 0; k < blocks; ++k) {
        const std::int64_t block = at + (m * blocks + k) * 2 * layout_.fragment_bytes;
        for (int lane = 0; lane < 32; ++lane) {
          for (int reg = 0; reg < 4; ++reg) {
            const int place = right && (reg == 1 || reg == 2) ? 3 - reg : reg;
            const int row = 16 * m + lane / 4 + (reg % 2) * 8, column = 16 * k + (lane % 4) * 2 + (reg / 2) * 8;
            for (int half = 0; half < 2; ++half) {
              const Entry e = entry(row, column + half);
              const std::int64_t to = block + lane * 16 + place * 4 + half * 2;
              operand(to, e.re);
              operand(to + layout_.fragment_bytes, e.im);
            }
          }
        }
      }
    }
  }

  /// A rows x columns array of complex points in accumulator order, 16 x 8 tile by tile.
  void tiles(std::int64_t at, int rows, int columns, const Matrix& entry) {
    for (int m = 0; m < rows / 16; ++m) {
      for (int j = 0; j < columns / 8; ++j) {
        const std::int64_t tile = at + (m * (columns / 8) + j) * std::int64_t{layout_.tile_bytes};
        for (int lane = 0; lane < 32; ++lane) {
          for (int half = 0; half < 2; ++half) {
            const int row = 16 * m + 8 * half + lane / 4, column = 8 * j + (lane % 4) * 2;
            const Entry x = entry(row, column), y = entry(row, column + 1);
            if (layout_.planes == 1) {
              const std::int64_t to = tile + lane * 16 + half * 8;
              half_number(to, x.re), half_number(to + 2, y.re), half_number(to + 4, x.im), half_number(to + 6, y.im);
            } else {
              const std::int64_t to = tile + half * 512 + lane * 16;
              number(to, x.re), number(to + 4, y.re), number(to + 8, x.im), number(to + 12, y.im);
            }
          }
        }
      }
    }
  }

  void complex_number(std::int64_t at, Entry e) { number(at, e.re), number(at + 4, e.im); }

  std::vector<std::byte> take() && { return std::move(bytes_); }

 private:
  template <class T>
  void put(std::int64_t at, T value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  void number(std::int64_t at, double value) { put(at, static_cast<float>(value)); }
  void half_number(std::int64_t at, double value) {
    put(at, engine_ == Engine::mma_bf16 ? to_bf16(value) : to_f16(value));
  }
  void operand(std::int64_t at, double value) {
    half_number(at, value);
    if (layout_.planes == 2) put(at + 512, to_f16((value - from_f16(to_f16(value))) * 0x1p11));
  }

  const Layout& layout_;
  Engine engine_;
  std::vector<std::byte> bytes_;
};

}  // namespace

Entry shifted_dft(int radix, double phi, int k, int n) {
  const Entry e = root((n + phi) * (k + phi) / radix);
  const double scale = 1 / std::sqrt(static_cast<double>(radix));
  return {e.re * scale, e.im * scale};
}

Entry plain_dft(int radix, int k, int n) {
  const Entry e = root(static_cast<double>(static_cast<long long>(n) * k % radix) / radix);
  const double scale = 1 / std::sqrt(static_cast<double>(radix));
  return {e.re * scale, e.im * scale};
}

std::vector<std::byte> make_tables(const Layout& l, Engine engine) {
  Writer writer(l, engine);
  const auto shifted = [](int radix, double phi) {
    return [radix, phi](int k, int n) { return shifted_dft(radix, phi, k, n); };
  };
  const auto outer = [&](const OuterDigit& digit, double phi) {
    return [digit, phi](int k, int n) {  // block-diagonal where several columns share a product
      if (k / digit.radix != n / digit.radix) return Entry{0, 0};
      return shifted_dft(digit.radix, phi, k % digit.radix, n % digit.radix);
    };
  };
  for (int j = 0; j < l.residues; ++j) {
    for (int n = 0; n < l.residues && l.residues > 1; ++n) {
      writer.complex_number(l.table_residue + 8 * (j * l.residues + n), shifted_dft(l.residues, -l.theta, j, n));
    }
    if (!l.first.mma) continue;
    writer.matrix(l.table_first + j * l.first_stride, 16 * l.first.blocks, outer(l.first, (j - l.theta) / l.residues),
                  false);
  }
  if (l.second.radix > 1) {
    for (int k1 = 0; k1 < l.first.radix; ++k1) {
      const double phi = (k1 - l.theta) / l.first.radix;
      const std::int64_t at = l.table_second + k1 * l.second_stride;
      if (l.second.mma) {
        writer.matrix(at, 16 * l.second.blocks, outer(l.second, phi), false);
      } else {
        for (int n = 0; n < l.second.radix; ++n) writer.complex_number(at + 8 * n, root(n * phi / l.second.radix));
      }
    }
  }
  for (int q = 0; q < l.residues * l.slabs; ++q) {
    const double phi = slab_phase(l, q / l.slabs, q % l.slabs);
    const auto twiddle = [&](int row, int column) {
      return root((row + phi) * (column + phi) / (static_cast<double>(l.rows) * l.columns));
    };
    writer.matrix(l.table_a + q * l.a_stride, l.rows, shifted(l.rows, phi), false);
    writer.tiles(l.table_t + q * l.t_stride, l.rows, l.columns, twiddle);
    if (l.rows != l.columns) writer.tiles(l.table_t_transposed + q * l.t_stride, l.columns, l.rows, twiddle);
  }
  const auto plain = [&l](int k, int n) { return plain_dft(l.columns, k, n); };
  writer.matrix(l.table_w_left, l.columns, plain, false);
  writer.matrix(l.table_w_right, l.columns, plain, true);
  const double length = static_cast<double>(l.m);
  for (std::int64_t j = 0; j < l.m; ++j) writer.complex_number(l.table_roots + 8 * j, root(j / length));
  if (!l.paired) {
    for (std::int64_t n = 0; n < l.m; ++n)
      writer.complex_number(l.table_weights + 8 * n, root(-l.theta * n / length));
  }
  return std::move(writer).take();
}

}  // namespace fftconv::cuda
