// Symmetric positive definite systems, small and dense.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

namespace fftconv {

/// The lower triangle L of A = L L^T, row by row; grows a row at a time.
class Cholesky {
 public:
  std::size_t size() const { return rows_.size(); }

  /// Appends the row and column of A whose entries up to the diagonal are `row`, the diagonal last. False, and
  /// nothing changed, where A would not be positive definite.
  bool append(std::vector<double> row) {
    const std::size_t n = size();
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < j; ++k) row[j] -= row[k] * rows_[j][k];
      row[j] /= rows_[j][j];
    }
    for (std::size_t k = 0; k < n; ++k) row[n] -= row[k] * row[k];
    if (!(row[n] > 0) || !std::isfinite(row[n])) return false;
    row[n] = std::sqrt(row[n]);
    rows_.push_back(std::move(row));
    return true;
  }

  /// L^-1 b.
  std::vector<double> forward(std::vector<double> b) const {
    for (std::size_t i = 0; i < size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) b[i] -= rows_[i][k] * b[k];
      b[i] /= rows_[i][i];
    }
    return b;
  }

  /// L^-T b.
  std::vector<double> backward(std::vector<double> b) const {
    for (std::size_t i = size(); i-- > 0;) {
      for (std::size_t k = i + 1; k < size(); ++k) b[i] -= rows_[k][i] * b[k];
      b[i] /= rows_[i][i];
    }
    return b;
  }

  /// A^-1 b.
  std::vector<double> solve(std::vector<double> b) const { return backward(forward(std::move(b))); }

 private:
  std::vector<std::vector<double>> rows_;
};

/// Factors the matrix whose lower triangle is a[i][0 … i]. None where it is not positive definite.
inline std::optional<Cholesky> cholesky_of(const std::vector<std::vector<double>>& a) {
  Cholesky factor;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto end = a[i].begin() + static_cast<std::ptrdiff_t>(i) + 1;
    if (!factor.append(std::vector<double>(a[i].begin(), end))) return std::nullopt;
  }
  return factor;
}

}  // namespace fftconv
