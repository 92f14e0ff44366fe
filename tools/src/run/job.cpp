#include "run/job.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace fftconv::tools {
namespace {

/// Refuses what is empty or not finite; `role` is "filter" or "input".
Result<Signal> read_checked(const std::string& path, const char* role, bool allow_nan) {
  auto signal = read_signal(path);
  if (!signal) return signal;
  if (signal->values.empty()) {
    return invalid(fmt::format("the {} '{}' has no samples (shape {}); give at least one", role, path,
                               show_shape(signal->shape)));
  }
  const auto bad = find_not_finite(*signal);
  if (bad && !allow_nan) {
    return invalid(fmt::format("the {} '{}' holds {}; remove it, or give --allow-nan", role, path, *bad));
  }
  return signal;
}

Result<void> check_pair(const Signal& filter, const Signal& input, Mode mode) {
  if (filter.shape.size() > 2) {
    return invalid(fmt::format("the filter '{}' has shape {}; give (taps) or (channels, taps)", filter.name,
                               show_shape(filter.shape)));
  }
  if (filter.channels() != 1 && filter.channels() != input.channels()) {
    return invalid(
        fmt::format("the filter '{}' has {} channels and the input '{}' has {}; give one channel or as many",
                    filter.name, filter.channels(), input.name, input.channels()));
  }
  const std::int64_t longest = mode == Mode::bidirectional ? 2 * input.length() - 1 : input.length();
  if (filter.length() > longest) {
    return invalid(
        fmt::format("the filter '{}' has {} taps, more than the {} that an input of {} samples allows; "
                    "shorten it or pad the input",
                    filter.name, filter.length(), longest, input.length()));
  }
  if (filter.rate > 0 && input.rate > 0 && filter.rate != input.rate) {
    return invalid(
        fmt::format("the filter '{}' is sampled at {} Hz and the input '{}' at {} Hz; resample one of them",
                    filter.name, filter.rate, input.name, input.rate));
  }
  return {};
}

/// Whether fp32 holds every value.
Result<void> check_range(const Signal& signal) {
  for (std::size_t i = 0; i < signal.values.size(); ++i) {
    const double value = signal.values[i];
    if (std::isfinite(value) && std::abs(value) > std::numeric_limits<float>::max()) {
      return Error{
          ErrorCode::unsupported,
          fmt::format("'{}' holds {:g} at element {}, more than fp32 can hold; scale it down, or compute with "
                      "--precision f64",
                      signal.name, value, i)};
    }
  }
  return {};
}

/// One row of taps for each channel.
std::vector<double> filter_rows(const Signal& filter, std::int64_t channels) {
  if (filter.channels() == channels) return filter.values;
  std::vector<double> rows;
  rows.reserve(filter.values.size() * static_cast<std::size_t>(channels));
  for (std::int64_t h = 0; h < channels; ++h) rows.insert(rows.end(), filter.values.begin(), filter.values.end());
  return rows;
}

}  // namespace

Result<Job> make_job(const RunOptions& options) {
  const auto mode = parse_mode(options.mode);
  if (!mode) return mode.error();
  auto filter = read_checked(options.filter, "filter", options.allow_nan);
  if (!filter) return filter.error();
  auto input = read_checked(options.input, "input", options.allow_nan);
  if (!input) return input.error();
  if (auto fits = check_pair(*filter, *input, *mode); !fits) return fits.error();

  Job job;
  job.problem.mode = *mode;
  job.problem.seqlen = input->length();
  job.problem.filter_len = filter->length();
  job.problem.batch = input->batch();
  job.problem.channels = input->channels();
  job.problem.io = input->type == NpyType::f2 ? DataType::f16 : DataType::f32;
  job.problem.precision = input->type == NpyType::f2 ? Precision::f16 : Precision::f32;
  if (!options.precision.empty()) {
    const auto precision = parse_precision(options.precision);
    if (!precision) return precision.error();
    job.problem.precision = *precision;
    if (*precision == Precision::f64) job.problem.io = DataType::f64;
  }
  if (auto valid = validate(job.problem); !valid) return valid.error();
  if (job.problem.io != DataType::f64) {
    for (const Signal* signal : {&*filter, &*input}) {
      if (auto fits = check_range(*signal); !fits) return fits.error();
    }
  }
  job.filter = filter_rows(*filter, input->channels());
  job.rate = input->rate > 0 ? input->rate : options.rate > 0 ? options.rate : filter->rate;
  job.input = std::move(*input);
  return job;
}

}  // namespace fftconv::tools
