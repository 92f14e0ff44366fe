#include "test_inputs.h"

#include <algorithm>
#include <cmath>

#include "rows.h"

namespace fftconv {
namespace {

constexpr std::int64_t kReferenceSamples = 1 << 18;  // the fp64 reference of so many costs about a tenth of a second
constexpr std::int64_t kFewestProducts = 4;

std::int64_t most_products(const Problem& problem) {
  return std::max(kFewestProducts, kReferenceSamples / problem.seqlen);
}

bool all_rows_own(const Problem& problem) { return problem.batch * problem.channels <= most_products(problem); }

/// Where not every row has a kind of its own: as many kinds of filters as of rows, or all filters.
std::int64_t most_filter_kinds(const Problem& problem) {
  const std::int64_t products = most_products(problem);
  if (all_rows_own(problem)) return products;
  const auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(products)));
  return std::min(filter_count(problem), root);
}

std::int64_t most_row_kinds(const Problem& problem) {
  if (all_rows_own(problem) || !reads_filter(problem)) return most_products(problem);
  return most_products(problem) / most_filter_kinds(problem);
}

RowPlaces samples_where(const Problem& problem, bool present) {
  return present ? sample_places(problem) : RowPlaces{};
}

}  // namespace

// Gradients are sums over rows, which random signs could make zero.
TestInputs::TestInputs(const Problem& problem, std::uint64_t seed)
    : problem_(problem),
      own_rows_(all_rows_own(problem)),
      row_kinds_(problem.batch * problem.channels, most_row_kinds(problem), seed),
      filter_kinds_(filter_count(problem), most_filter_kinds(problem), seed + 1),
      u(problem.io, sample_places(problem), row_kinds_, seed, {.signs = reads_filter(problem)}),
      // Outputs of about the size of the inputs, so that fp16 neither overflows nor falls into its subnormals.
      taps(filter_type(problem),
           reads_filter(problem) ? dense_places(filter_count(problem), problem.filter_len) : RowPlaces{},
           filter_kinds_, seed + 1, {.scale = std::sqrt(3 / static_cast<double>(problem.filter_len))}),
      pregate(problem.io, samples_where(problem, problem.pregate), row_kinds_, seed + 2,
              {.signs = reads_filter(problem)}),
      postgate(problem.io, samples_where(problem, problem.postgate), row_kinds_, seed + 3,
               {.signs = reads_filter(problem)}),
      dy(problem.io, samples_where(problem, !reads_filter(problem)), row_kinds_, seed + 5, {.signs = false}),
      carry(filter_type(problem),
            problem.carry ? dense_places(problem.batch * problem.channels, carry_len(problem)) : RowPlaces{},
            row_kinds_, seed + 6, {}),
      skip(DataType::f32, problem.skip ? dense_places(problem.channels, 1) : RowPlaces{},
           RowKinds(problem.channels, problem.channels, seed), seed + 4, {}) {}

std::int64_t TestInputs::filter_of(std::int64_t row) const {
  return filter_index(problem_, row / problem_.channels, row % problem_.channels);
}

std::size_t TestInputs::product_of(std::int64_t row) const {
  if (own_rows_) return static_cast<std::size_t>(row);
  return static_cast<std::size_t>(row_kinds_.of(row) * filter_kinds_.count() + filter_kinds_.of(filter_of(row)));
}

void TestInputs::compute_reference() {
  if (reads_filter(problem_)) {
    convolve_kinds();
  } else {
    correlate_kinds();
  }
}

void TestInputs::convolve_kinds() {
  Problem bare = problem_;
  bare.skip = false;
  const std::int64_t rows = problem_.batch * problem_.channels;
  products_.resize(static_cast<std::size_t>(own_rows_ ? rows : row_kinds_.count() * filter_kinds_.count()));
  for (std::int64_t row = 0; row < rows; ++row) {
    Product& product = products_[product_of(row)];
    if (!product.row.empty()) continue;
    const std::int64_t kind = row_kinds_.of(row);
    const RowInputs inputs{.u = u.samples(kind),
                           .taps = taps.samples(filter_kinds_.of(filter_of(row))),
                           .pregate = pregate.samples(kind),
                           .postgate = postgate.samples(kind)};
    product.row = expected_row(bare, inputs);
    if (problem_.carry) product.carry = fftconv::expected_carry(bare, inputs);
  }
  for (std::int64_t kind = 0; kind < row_kinds_.count(); ++kind) {
    if (problem_.skip) u_kinds_.push_back(u.samples(kind));
    if (!problem_.carry) continue;
    added_.push_back(carry.samples(kind));
    const std::vector<double> gate = postgate.samples(kind);
    for (std::size_t t = 0; t < added_.back().size() && !gate.empty(); ++t) added_.back()[t] *= gate[t];
  }
  for (std::int64_t h = 0; h < problem_.channels && problem_.skip; ++h) {
    skips_.push_back(skip.sign(h) * skip.samples(h).front());
  }
}

void TestInputs::correlate_kinds() {
  for (std::int64_t kind = 0; kind < row_kinds_.count(); ++kind) {
    const RowInputs inputs{.u = u.samples(kind),
                           .dy = dy.samples(kind),
                           .pregate = pregate.samples(kind),
                           .postgate = postgate.samples(kind)};
    products_.push_back({.row = expected_row(problem_, inputs)});
  }
  for (std::int64_t filter = 0; filter < filter_count(problem_); ++filter) {
    std::vector<Share>& shares = shares_.emplace_back();
    for (const RowId& id : rows_of_filter(problem_, filter)) {
      const auto kind = static_cast<std::size_t>(row_kinds_.of(id.b * problem_.channels + id.h));
      const auto same = std::find_if(shares.begin(), shares.end(), [&](const Share& s) { return s.kind == kind; });
      if (same == shares.end()) {
        shares.push_back({kind, 1});
      } else {
        ++same->rows;
      }
    }
  }
}

namespace {

/// values[i] += factor * samples[first + i], as far as there are samples.
void add_scaled(const std::vector<double>& samples, double factor, std::int64_t first, std::int64_t last,
                double* values) {
  const std::int64_t count = std::min(last, static_cast<std::int64_t>(samples.size())) - first;
  if (count <= 0) return;
  const double* from = samples.data() + first;
  for (std::int64_t i = 0; i < count; ++i) values[i] += factor * from[i];
}

}  // namespace

void TestInputs::expected_output(std::int64_t row, std::int64_t first, std::int64_t last, double* values) const {
  std::fill(values, values + (last - first), 0.0);
  if (!reads_filter(problem_)) {
    for (const Share& share : shares_[static_cast<std::size_t>(row)]) {
      add_scaled(products_[share.kind].row, share.rows, first, last, values);
    }
    return;
  }
  const double gated = u.sign(row) * pregate.sign(row) * postgate.sign(row);
  add_scaled(products_[product_of(row)].row, gated * taps.sign(filter_of(row)), first, last, values);
  const auto kind = static_cast<std::size_t>(row_kinds_.of(row));
  if (problem_.carry) add_scaled(added_[kind], carry.sign(row) * postgate.sign(row), first, last, values);
  if (problem_.skip) {
    const auto channel = static_cast<std::size_t>(row % problem_.channels);
    add_scaled(u_kinds_[kind], u.sign(row) * skips_[channel], first, last, values);
  }
}

void TestInputs::expected_carry(std::int64_t row, std::int64_t first, std::int64_t last, double* values) const {
  std::fill(values, values + (last - first), 0.0);
  const double sign = u.sign(row) * pregate.sign(row) * taps.sign(filter_of(row));
  add_scaled(products_[product_of(row)].carry, sign, first, last, values);
}

}  // namespace fftconv
