#include "test_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "fftconv/reference.h"

namespace fftconv {
namespace {

constexpr std::int64_t kComparedSamples = 1 << 18;  // the fp64 reference of so many costs about a tenth of a second
constexpr std::int64_t kFewestRows = 4;
constexpr std::int64_t kChunkElements = 2 << 20;
constexpr int kMostSets = 64;

Result<std::unique_ptr<GuardedBuffer>> filled(Device& device, const RandomSamples& samples, std::size_t bytes) {
  Result<GuardedBuffer> buffer = GuardedBuffer::make(device, bytes);
  if (!buffer) return buffer.error();
  if (auto copied = samples.upload(device, buffer->data()); !copied) return copied.error();
  return std::make_unique<GuardedBuffer>(std::move(buffer).value());
}

}  // namespace

TestTensors::TestTensors(Device& device, const Problem& problem, std::uint64_t seed)
    : device_(&device),
      problem_(problem),
      output_(output_rows(problem)),
      u_(problem.io, extent(problem), 1, seed),
      // Outputs of about the size of the inputs, so that fp16 neither overflows nor falls into its subnormals.
      taps_(filter_type(problem), reads_filter(problem) ? filter_count(problem) * problem.filter_len : 0,
            std::sqrt(3 / static_cast<double>(problem.filter_len)), seed + 1),
      pregate_(problem.io, problem.pregate ? extent(problem) : 0, 1, seed + 2),
      postgate_(problem.io, problem.postgate ? extent(problem) : 0, 1, seed + 3),
      skip_(DataType::f32, problem.skip ? problem.channels : 0, 1, seed + 4),
      dy_(problem.io, reads_filter(problem) ? 0 : extent(problem), 1, seed + 5),
      carry_(filter_type(problem), problem.batch * problem.channels * carry_len(problem), 1, seed + 6) {
  pick_rows(seed);
}

Result<std::unique_ptr<TestTensors>> TestTensors::make(Device& device, const Problem& problem,
                                                       const MeasurePolicy& policy) {
  std::unique_ptr<TestTensors> tensors(new TestTensors(device, problem, policy.seed));
  const std::size_t bytes = io_bytes(problem);
  int sets = 1;
  if (!policy.cold) {
    const auto cache = static_cast<std::size_t>(std::max<std::int64_t>(device.facts().l2_bytes, 0));
    sets = static_cast<int>(std::min<std::size_t>(kMostSets, cache / bytes + 2));
  }
  for (int i = 0; i < sets; ++i) {
    Result<Set> set = tensors->make_set();
    if (!set) return set.error();
    tensors->sets_.push_back(std::move(set).value());
  }
  if (reads_filter(problem)) {
    auto filter = filled(device, tensors->taps_, filter_bytes(problem));
    if (!filter) return filter.error();
    tensors->filter_ = std::move(filter).value();
  }
  if (problem.skip) {
    auto skip = filled(device, tensors->skip_, static_cast<std::size_t>(problem.channels) * sizeof(float));
    if (!skip) return skip.error();
    tensors->skip_buffer_ = std::move(skip).value();
  }
  for (const auto& [name, buffer] : tensors->inputs()) {
    const Result<std::uint64_t> sum = buffer->sum();
    if (!sum) return sum.error();
    tensors->input_sums_.push_back(*sum);
  }
  return tensors;
}

Result<TestTensors::Set> TestTensors::make_set() {
  const std::size_t bytes = io_bytes(problem_);
  auto u = filled(*device_, u_, bytes);
  if (!u) return u.error();
  auto y = GuardedBuffer::make(*device_, static_cast<std::size_t>(output_.elements) * size_of(output_.type));
  if (!y) return y.error();
  Set set{std::move(**u), std::move(y).value(), nullptr, nullptr, nullptr, nullptr, nullptr};
  if (problem_.carry) {
    auto before = filled(*device_, carry_, carry_bytes(problem_));
    if (!before) return before.error();
    auto after = GuardedBuffer::make(*device_, carry_bytes(problem_));
    if (!after) return after.error();
    set.carry_in = std::move(before).value();
    set.carry_out = std::make_unique<GuardedBuffer>(std::move(after).value());
  }
  if (!reads_filter(problem_)) {
    auto dy = filled(*device_, dy_, bytes);
    if (!dy) return dy.error();
    set.dy = std::move(dy).value();
  }
  if (problem_.pregate) {
    auto gate = filled(*device_, pregate_, bytes);
    if (!gate) return gate.error();
    set.pregate = std::move(gate).value();
  }
  if (problem_.postgate) {
    auto gate = filled(*device_, postgate_, bytes);
    if (!gate) return gate.error();
    set.postgate = std::move(gate).value();
  }
  return set;
}

void TestTensors::fill_args(KernelArgs& args, int set) const {
  const Set& chosen = sets_[static_cast<std::size_t>(set)];
  args.u = chosen.u.data();
  (reads_filter(problem_) ? args.y : args.dk) = chosen.y.data();
  args.dy = chosen.dy ? chosen.dy->data() : nullptr;
  args.carry_in = chosen.carry_in ? chosen.carry_in->data() : nullptr;
  args.carry_out = chosen.carry_out ? chosen.carry_out->data() : nullptr;
  args.pregate = chosen.pregate ? chosen.pregate->data() : nullptr;
  args.postgate = chosen.postgate ? chosen.postgate->data() : nullptr;
  args.skip = skip_buffer_ ? skip_buffer_->data() : nullptr;
}

// The corners, where indexing goes wrong first, and random rows.
void TestTensors::pick_rows(std::uint64_t seed) {
  const std::int64_t rows = output_.rows;
  const std::int64_t summed = problem_.batch * problem_.channels / rows;  // rows of u behind one of the output
  const std::int64_t wanted = std::min(rows, std::max(kFewestRows, kComparedSamples / problem_.seqlen / summed));
  std::set<std::int64_t> picked{0, rows - 1};
  if (reads_filter(problem_)) picked.insert({problem_.channels - 1, rows - problem_.channels});
  std::mt19937_64 random(seed);
  if (wanted == rows) {
    for (std::int64_t row = 0; row < rows; ++row) picked.insert(row);
  }
  while (static_cast<std::int64_t>(picked.size()) < wanted) {
    picked.insert(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(rows)));
  }
  for (std::int64_t row : picked) rows_.push_back({.number = row});
}

RowInputs TestTensors::inputs_of(RowId row) const {
  const RowStrides strides = row_strides(problem_);
  const bool has_dy = !reads_filter(problem_);
  RowInputs inputs;
  const std::int64_t first = row.b * strides.batch + row.h * strides.channel;
  for (std::int64_t n = 0; n < problem_.seqlen; ++n) {
    const std::int64_t index = first + n * strides.sample;
    inputs.u.push_back(u_.at(index));
    if (problem_.pregate) inputs.pregate.push_back(pregate_.at(index));
    if (problem_.postgate) inputs.postgate.push_back(postgate_.at(index));
    if (has_dy) inputs.dy.push_back(dy_.at(index));
  }
  const std::int64_t tap = filter_index(problem_, row.b, row.h) * problem_.filter_len;
  for (std::int64_t j = 0; j < problem_.filter_len && !has_dy; ++j) inputs.taps.push_back(taps_.at(tap + j));
  if (problem_.skip) inputs.skip = skip_.at(row.h);
  const std::int64_t state = (row.b * problem_.channels + row.h) * carry_len(problem_);
  for (std::int64_t t = 0; t < carry_len(problem_); ++t) inputs.carry.push_back(carry_.at(state + t));
  return inputs;
}

void TestTensors::compute_reference() {
  for (Row& row : rows_) {
    if (reads_filter(problem_)) {
      const RowInputs inputs = inputs_of({row.number / problem_.channels, row.number % problem_.channels});
      row.expected = expected_row(problem_, inputs);
      if (problem_.carry) row.expected_carry = expected_carry(problem_, inputs);
      continue;
    }
    row.expected.assign(static_cast<std::size_t>(output_.length), 0);
    for (const RowId& id : rows_of_filter(problem_, row.number)) {
      const std::vector<double> share = expected_row(problem_, inputs_of(id));
      for (std::size_t j = 0; j < share.size(); ++j) row.expected[j] += share[j];
    }
  }
  reference_known_ = true;
}

Result<void> TestTensors::poison() {
  if (sets_[0].carry_out) {
    if (auto poisoned = sets_[0].carry_out->poison(); !poisoned) return poisoned;
  }
  return sets_[0].y.poison();
}

// Elements [first, last) of y: samples of the compared rows are kept; the answer is whether all samples are finite.
bool TestTensors::take_chunk(const std::byte* chunk, std::int64_t first, std::int64_t last) {
  const std::int64_t step = output_.step;
  const auto samples_in_chunk = [&](std::int64_t row, const auto& visit) {
    const std::int64_t start = output_start(problem_, row);
    const std::int64_t from = start >= first ? 0 : (first - start + step - 1) / step;
    for (std::int64_t n = from; n < output_.length && start + n * step < last; ++n) {
      visit(n, load_element(output_.type, chunk, start + n * step - first));
    }
  };
  bool finite = true;
  const auto look = [&](std::int64_t, double value) { finite &= std::isfinite(value); };
  if (output_.elements == output_.rows * output_.length) {
    finite = all_finite(output_.type, chunk, last - first);
  } else {
    for (std::int64_t row = 0; row < output_.rows; ++row) samples_in_chunk(row, look);
  }
  for (Row& row : rows_) {
    samples_in_chunk(row.number,
                     [&](std::int64_t n, double value) { row.found[static_cast<std::size_t>(n)] = value; });
  }
  return finite;
}

Result<bool> TestTensors::read_output() {
  const std::int64_t total = output_.elements;
  const std::size_t width = size_of(output_.type);
  for (Row& row : rows_) row.found.assign(static_cast<std::size_t>(output_.length), 0);
  std::vector<std::byte> chunk(static_cast<std::size_t>(std::min(total, kChunkElements)) * width);
  bool finite = true;
  for (std::int64_t first = 0; first < total; first += kChunkElements) {
    const std::int64_t last = std::min(total, first + kChunkElements);
    const auto* source = static_cast<const std::byte*>(sets_[0].y.data()) + static_cast<std::size_t>(first) * width;
    const auto copied = device_->download(chunk.data(), source, static_cast<std::size_t>(last - first) * width);
    if (!copied) return copied.error();
    finite &= take_chunk(chunk.data(), first, last);
  }
  Result<bool> carried = read_carry();
  if (!carried) return carried;
  return finite && *carried;
}

// What each row leaves for the next block; the answer is whether all of it is finite.
Result<bool> TestTensors::read_carry() {
  if (!problem_.carry) return true;
  const DataType type = filter_type(problem_);
  const std::int64_t length = carry_len(problem_);
  std::vector<std::byte> state(static_cast<std::size_t>(length) * size_of(type));
  bool finite = true;
  auto picked = rows_.begin();
  for (std::int64_t row = 0; row < output_.rows; ++row) {
    const auto* source =
        static_cast<const std::byte*>(sets_[0].carry_out->data()) + static_cast<std::size_t>(row) * state.size();
    if (auto copied = device_->download(state.data(), source, state.size()); !copied) return copied.error();
    finite &= all_finite(type, state.data(), length);
    if (picked == rows_.end() || picked->number != row) continue;
    picked->found_carry.clear();
    for (std::int64_t t = 0; t < length; ++t) picked->found_carry.push_back(load_element(type, state.data(), t));
    ++picked;
  }
  return finite;
}

// What a kernel may read of set 0, and not write.
std::vector<std::pair<const char*, const GuardedBuffer*>> TestTensors::inputs() const {
  const Set& set = sets_[0];
  std::vector<std::pair<const char*, const GuardedBuffer*>> buffers{{"u", &set.u},
                                                                    {"pregate", set.pregate.get()},
                                                                    {"postgate", set.postgate.get()},
                                                                    {"dy", set.dy.get()},
                                                                    {"carry_in", set.carry_in.get()},
                                                                    {"the filter", filter_.get()},
                                                                    {"skip", skip_buffer_.get()}};
  std::erase_if(buffers, [](const auto& named) { return !named.second; });
  return buffers;
}

Result<std::string> TestTensors::changed_input() const {
  const auto buffers = inputs();
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const Result<std::uint64_t> sum = buffers[i].second->sum();
    if (!sum) return sum.error();
    if (*sum != input_sums_[i]) return std::string(buffers[i].first);
  }
  return std::string();
}

// The inputs of set 0 and the canaries of all its buffers, as make() left them.
Result<void> TestTensors::restore() {
  Set& set = sets_[0];
  const std::pair<const RandomSamples*, GuardedBuffer*> buffers[] = {{&u_, &set.u},
                                                                     {&pregate_, set.pregate.get()},
                                                                     {&postgate_, set.postgate.get()},
                                                                     {&taps_, filter_.get()},
                                                                     {&skip_, skip_buffer_.get()},
                                                                     {&dy_, set.dy.get()},
                                                                     {&carry_, set.carry_in.get()},
                                                                     {nullptr, set.carry_out.get()},
                                                                     {nullptr, &set.y}};
  for (const auto& [samples, buffer] : buffers) {
    if (!buffer) continue;
    if (auto guarded = buffer->guard(); !guarded) return guarded;
    if (!samples) continue;
    if (auto copied = samples->upload(*device_, buffer->data()); !copied) return copied;
  }
  return {};
}

Result<std::string> TestTensors::overwritten() const {
  auto buffers = inputs();
  buffers.emplace_back(reads_filter(problem_) ? "y" : "dk", &sets_[0].y);
  if (sets_[0].carry_out) buffers.emplace_back("carry_out", sets_[0].carry_out.get());
  for (const auto& [name, buffer] : buffers) {
    const Result<bool> intact = buffer->intact();
    if (!intact) return intact.error();
    if (!*intact) return std::string(name);
  }
  return std::string();
}

Result<OutputCheck> TestTensors::check() {
  if (!reference_known_) compute_reference();
  const Result<bool> finite = read_output();
  if (!finite) return finite.error();
  OutputCheck result;
  for (const Row& row : rows_) {
    result.error = std::max({result.error, relative_l2_error(row.found, row.expected),
                             relative_l2_error(row.found_carry, row.expected_carry)});
  }
  const Result<std::string> damaged = overwritten();
  if (!damaged) return damaged.error();
  const Result<std::string> changed = changed_input();
  if (!changed) return changed.error();
  result.damage = !changed->empty() || !damaged->empty();
  if (result.damage) {
    if (auto restored = restore(); !restored) return restored.error();
  }
  const double budget = error_budget(problem_);
  if (!changed->empty()) {
    result.fault = fmt::format("The kernel changed its input: {}.", *changed);
  } else if (!damaged->empty()) {
    result.fault = fmt::format("The kernel wrote outside its buffers, beside {}.", *damaged);
  } else if (!*finite) {
    result.error = std::numeric_limits<double>::infinity();
    result.fault = "The output holds values that are not finite, or samples that were never written.";
  } else if (!(result.error <= budget)) {
    result.fault =
        fmt::format("Relative L2 error {:.3g} against fp64 is above the budget {:.3g}.", result.error, budget);
  }
  return result;
}

}  // namespace fftconv
