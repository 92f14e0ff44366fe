#include "rows.h"

#include "fftconv/half.h"
#include "fftconv/reference.h"

namespace fftconv {

std::int64_t extent(const Problem& problem) {
  const RowStrides strides = row_strides(problem);
  return (problem.batch - 1) * strides.batch + (problem.channels - 1) * strides.channel +
         (problem.seqlen - 1) * strides.sample + 1;
}

std::size_t io_bytes(const Problem& problem) {
  return static_cast<std::size_t>(extent(problem)) * size_of(problem.io);
}

double load_element(DataType type, const void* base, std::int64_t index) {
  switch (type) {
    case DataType::f16:
      return from_f16(static_cast<const std::uint16_t*>(base)[index]);
    case DataType::bf16:
      return from_bf16(static_cast<const std::uint16_t*>(base)[index]);
    case DataType::f64:
      return static_cast<const double*>(base)[index];
    case DataType::f32:
      break;
  }
  return static_cast<const float*>(base)[index];
}

void store_element(DataType type, void* base, std::int64_t index, double value) {
  switch (type) {
    case DataType::f16:
      static_cast<std::uint16_t*>(base)[index] = to_f16(value);
      return;
    case DataType::bf16:
      static_cast<std::uint16_t*>(base)[index] = to_bf16(value);
      return;
    case DataType::f64:
      static_cast<double*>(base)[index] = value;
      return;
    case DataType::f32:
      break;
  }
  static_cast<float*>(base)[index] = static_cast<float>(value);
}

namespace {

// An exponent of all ones is an infinity or a NaN.
template <class Bits>
bool exponents_below(Bits exponent, const Bits* values, std::int64_t count) {
  Bits found = 0;
  for (std::int64_t i = 0; i < count; ++i) found |= static_cast<Bits>((values[i] & exponent) == exponent);
  return found == 0;
}

}  // namespace

bool all_finite(DataType type, const void* base, std::int64_t count) {
  switch (type) {
    case DataType::f16:
      return exponents_below<std::uint16_t>(0x7c00, static_cast<const std::uint16_t*>(base), count);
    case DataType::bf16:
      return exponents_below<std::uint16_t>(0x7f80, static_cast<const std::uint16_t*>(base), count);
    case DataType::f64:
      return exponents_below<std::uint64_t>(0x7ff0'0000'0000'0000, static_cast<const std::uint64_t*>(base), count);
    case DataType::f32:
      break;
  }
  return exponents_below<std::uint32_t>(0x7f800000, static_cast<const std::uint32_t*>(base), count);
}

std::vector<double> load_row(const Problem& problem, const void* base, std::int64_t b, std::int64_t h) {
  const RowStrides strides = row_strides(problem);
  const std::int64_t first = b * strides.batch + h * strides.channel;
  std::vector<double> row(static_cast<std::size_t>(problem.seqlen));
  for (std::int64_t n = 0; n < problem.seqlen; ++n) {
    row[static_cast<std::size_t>(n)] = load_element(problem.io, base, first + n * strides.sample);
  }
  return row;
}

void store_row(const Problem& problem, void* base, std::int64_t b, std::int64_t h, const std::vector<double>& row) {
  const RowStrides strides = row_strides(problem);
  const std::int64_t first = b * strides.batch + h * strides.channel;
  for (std::int64_t n = 0; n < problem.seqlen; ++n) {
    store_element(problem.io, base, first + n * strides.sample, row[static_cast<std::size_t>(n)]);
  }
}

std::int64_t filter_index(const Problem& problem, std::int64_t b, std::int64_t h) {
  switch (problem.sharing) {
    case FilterSharing::per_group:
      return h / (problem.channels / problem.groups);
    case FilterSharing::per_example:
      return b * problem.channels + h;
    case FilterSharing::per_channel:
      break;
  }
  return h;
}

RowInputs load_inputs(const Problem& problem, const KernelArgs& args, std::int64_t b, std::int64_t h) {
  RowInputs inputs;
  inputs.u = load_row(problem, args.u, b, h);
  const std::int64_t first_tap = filter_index(problem, b, h) * problem.filter_len;
  for (std::int64_t j = 0; reads_filter(problem) && j < problem.filter_len; ++j) {
    inputs.taps.push_back(load_element(filter_type(problem), args.filter, first_tap + j));
  }
  if (!reads_filter(problem)) inputs.dy = load_row(problem, args.dy, b, h);
  if (problem.pregate) inputs.pregate = load_row(problem, args.pregate, b, h);
  if (problem.postgate) inputs.postgate = load_row(problem, args.postgate, b, h);
  if (problem.skip) inputs.skip = static_cast<const float*>(args.skip)[h];
  if (problem.carry) {
    inputs.carry.assign(static_cast<std::size_t>(carry_len(problem)), 0);
    const std::int64_t first = (b * problem.channels + h) * carry_len(problem);
    for (std::int64_t t = 0; args.carry_in && t < carry_len(problem); ++t) {
      inputs.carry[static_cast<std::size_t>(t)] = load_element(filter_type(problem), args.carry_in, first + t);
    }
  }
  return inputs;
}

std::vector<double> expected_row(const Problem& problem, const RowInputs& inputs) {
  std::vector<double> gated = inputs.u;
  for (std::size_t n = 0; n < inputs.pregate.size(); ++n) gated[n] *= inputs.pregate[n];
  if (!reads_filter(problem)) {
    std::vector<double> dy = inputs.dy;
    for (std::size_t n = 0; n < inputs.postgate.size(); ++n) dy[n] *= inputs.postgate[n];
    return reference_row(problem, gated, dy);
  }
  std::vector<double> y = reference_row(problem, gated, inputs.taps);
  for (std::size_t t = 0; t < inputs.carry.size(); ++t) y[t] += inputs.carry[t];
  for (std::size_t n = 0; n < inputs.postgate.size(); ++n) y[n] *= inputs.postgate[n];
  if (problem.skip) {
    for (std::size_t n = 0; n < y.size(); ++n) y[n] += inputs.skip * inputs.u[n];
  }
  return y;
}

std::vector<double> expected_carry(const Problem& problem, const RowInputs& inputs) {
  Problem longer = problem;
  longer.seqlen += carry_len(problem);
  std::vector<double> gated = inputs.u;
  for (std::size_t n = 0; n < inputs.pregate.size(); ++n) gated[n] *= inputs.pregate[n];
  gated.resize(static_cast<std::size_t>(longer.seqlen), 0);
  const std::vector<double> y = reference_row(longer, gated, inputs.taps);
  return {y.begin() + problem.seqlen, y.end()};
}

std::vector<RowId> rows_of_filter(const Problem& problem, std::int64_t filter) {
  if (problem.sharing == FilterSharing::per_example) return {{filter / problem.channels, filter % problem.channels}};
  const std::int64_t channels = problem.channels / filter_count(problem);
  std::vector<RowId> rows;
  for (std::int64_t h = filter * channels; h < (filter + 1) * channels; ++h) {
    for (std::int64_t b = 0; b < problem.batch; ++b) rows.push_back({b, h});
  }
  return rows;
}

std::size_t carry_bytes(const Problem& problem) {
  return static_cast<std::size_t>(problem.batch * problem.channels * carry_len(problem)) *
         size_of(filter_type(problem));
}

OutputRows output_rows(const Problem& problem) {
  if (!reads_filter(problem)) {
    const std::int64_t filters = filter_count(problem);
    return {filter_type(problem), filters * problem.filter_len, filters, problem.filter_len, 1};
  }
  return {problem.io, extent(problem), problem.batch * problem.channels, problem.seqlen, row_strides(problem).sample};
}

}  // namespace fftconv
