#include "test_tensors.h"

#include <fmt/format.h>

#include <algorithm>

#include "rows.h"

namespace fftconv {
namespace {

constexpr int kMostSets = 64;

Result<std::unique_ptr<GuardedBuffer>> filled(Device& device, const RandomRows& rows, std::size_t bytes) {
  Result<GuardedBuffer> buffer = GuardedBuffer::make(device, bytes);
  if (!buffer) return buffer.error();
  if (auto copied = rows.upload(device, buffer->data()); !copied) return copied.error();
  return std::make_unique<GuardedBuffer>(std::move(buffer).value());
}

}  // namespace

TestTensors::TestTensors(Device& device, const Problem& problem, std::uint64_t seed)
    : device_(&device), problem_(problem), values_(problem, seed) {}

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
    auto filter = filled(device, tensors->values_.taps, filter_bytes(problem));
    if (!filter) return filter.error();
    tensors->filter_ = std::move(filter).value();
  }
  if (problem.skip) {
    auto skip = filled(device, tensors->values_.skip, static_cast<std::size_t>(problem.channels) * sizeof(float));
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
  auto u = filled(*device_, values_.u, bytes);
  if (!u) return u.error();
  auto y = GuardedBuffer::make(*device_, reads_filter(problem_) ? bytes : filter_bytes(problem_));
  if (!y) return y.error();
  Set set{std::move(**u), std::move(y).value(), nullptr, nullptr, nullptr, nullptr, nullptr};
  if (problem_.carry) {
    auto before = filled(*device_, values_.carry, carry_bytes(problem_));
    if (!before) return before.error();
    auto after = GuardedBuffer::make(*device_, carry_bytes(problem_));
    if (!after) return after.error();
    set.carry_in = std::move(before).value();
    set.carry_out = std::make_unique<GuardedBuffer>(std::move(after).value());
  }
  if (!reads_filter(problem_)) {
    auto dy = filled(*device_, values_.dy, bytes);
    if (!dy) return dy.error();
    set.dy = std::move(dy).value();
  }
  if (problem_.pregate) {
    auto gate = filled(*device_, values_.pregate, bytes);
    if (!gate) return gate.error();
    set.pregate = std::move(gate).value();
  }
  if (problem_.postgate) {
    auto gate = filled(*device_, values_.postgate, bytes);
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

Result<void> TestTensors::poison() {
  if (sets_[0].carry_out) {
    if (auto poisoned = sets_[0].carry_out->poison(); !poisoned) return poisoned;
  }
  return sets_[0].y.poison();
}

Result<OutputComparison> TestTensors::compare() {
  if (!reference_known_) values_.compute_reference();
  reference_known_ = true;
  const auto expected_output = [this](std::int64_t row, std::int64_t first, std::int64_t last, double* values) {
    values_.expected_output(row, first, last, values);
  };
  const DataType type = reads_filter(problem_) ? problem_.io : filter_type(problem_);
  Result<OutputComparison> output =
      compare_output(*device_, sets_[0].y.data(), type, output_places(problem_), expected_output);
  if (!output || !problem_.carry) return output;
  const auto expected_carry = [this](std::int64_t row, std::int64_t first, std::int64_t last, double* values) {
    values_.expected_carry(row, first, last, values);
  };
  const RowPlaces places = dense_places(problem_.batch * problem_.channels, carry_len(problem_));
  const Result<OutputComparison> carried =
      compare_output(*device_, sets_[0].carry_out->data(), filter_type(problem_), places, expected_carry);
  if (!carried) return carried.error();
  output->error = std::max(output->error, carried->error);
  output->finite &= carried->finite;
  output->sum ^= carried->sum;
  return output;
}

// The bytes of most kernels are the same each time; where they are not, they must be right again.
Result<OutputComparison> TestTensors::compare_again(const OutputComparison& first) {
  Result<std::uint64_t> sum = sets_[0].y.sum();
  if (!sum) return sum.error();
  if (problem_.carry) {
    const Result<std::uint64_t> carried = sets_[0].carry_out->sum();
    if (!carried) return carried.error();
    *sum ^= *carried;
  }
  return *sum == first.sum ? first : compare();
}

std::string TestTensors::fault_of(const OutputComparison& comparison) const {
  if (!comparison.finite) {
    return "The output holds values that are not finite, or samples that were never written.";
  }
  if (!comparison.gaps_live) {
    return fmt::format("The kernel wrote outside its buffers, between the samples of {}.",
                       reads_filter(problem_) ? "y" : "dk");
  }
  const double budget = error_budget(problem_);
  if (comparison.error <= budget) return {};
  return fmt::format("Relative L2 error {:.3g} against fp64 is above the budget {:.3g}.", comparison.error, budget);
}

bool TestTensors::is_right(const OutputComparison& comparison) const { return fault_of(comparison).empty(); }

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
  const std::pair<const RandomRows*, GuardedBuffer*> buffers[] = {{&values_.u, &set.u},
                                                                  {&values_.pregate, set.pregate.get()},
                                                                  {&values_.postgate, set.postgate.get()},
                                                                  {&values_.taps, filter_.get()},
                                                                  {&values_.skip, skip_buffer_.get()},
                                                                  {&values_.dy, set.dy.get()},
                                                                  {&values_.carry, set.carry_in.get()},
                                                                  {nullptr, set.carry_out.get()},
                                                                  {nullptr, &set.y}};
  for (const auto& [rows, buffer] : buffers) {
    if (!buffer) continue;
    if (auto guarded = buffer->guard(); !guarded) return guarded;
    if (!rows) continue;
    if (auto copied = rows->upload(*device_, buffer->data()); !copied) return copied;
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

Result<OutputCheck> TestTensors::check(const std::optional<OutputComparison>& first) {
  const Result<OutputComparison> last = first ? compare_again(*first) : compare();
  if (!last) return last.error();
  const Result<std::string> damaged = overwritten();
  if (!damaged) return damaged.error();
  const Result<std::string> changed = changed_input();
  if (!changed) return changed.error();
  OutputCheck result{.error = std::max(last->error, first ? first->error : 0.0)};
  result.damage = !changed->empty() || !damaged->empty();
  if (result.damage) {
    if (auto restored = restore(); !restored) return restored.error();
  }
  if (!changed->empty()) {
    result.fault = fmt::format("The kernel changed its input: {}.", *changed);
  } else if (!damaged->empty()) {
    result.fault = fmt::format("The kernel wrote outside its buffers, beside {}.", *damaged);
  } else {
    result.fault = fault_of(*last);
    if (first && is_right(*first) && !result.fault.empty()) {
      result.fault = "The first launch was right, the second was not. " + result.fault;
    }
  }
  return result;
}

}  // namespace fftconv
