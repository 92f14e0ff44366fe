// The inputs and outputs on which candidates of one problem are checked and timed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fftconv/measure.h"
#include "guarded_buffer.h"
#include "output_comparison.h"
#include "test_inputs.h"

namespace fftconv {

/// What the comparison of one output with fp64 showed.
struct OutputCheck {
  double error = -1;  ///< largest relative L2 error of a row; infinity where a value is not finite
  std::string fault;  ///< one sentence where the output is refused, else empty
  /// Something was written that a kernel must not write. It has been put right; who did it is the candidate, or one
  /// whose timed launches came before.
  bool damage = false;
};

class TestTensors {
 public:
  /// Allocates and fills. With a hot policy there are enough sets to exceed the device's last cache together.
  static Result<std::unique_ptr<TestTensors>> make(Device& device, const Problem& problem,
                                                   const MeasurePolicy& policy);

  int sets() const { return static_cast<int>(sets_.size()); }
  /// Addresses of a set: u, y, gates, skip, and sizes. No spectrum, no tables.
  void fill_args(KernelArgs& args, int set) const;
  const void* filter() const { return filter_ ? filter_->data() : nullptr; }

  /// Poisons what is written of set 0 with 0xFF, which is NaN in every I/O type.
  Result<void> poison();
  /// Compares every row of what was written to set 0 with fp64; what lies between the samples must be poison. The
  /// reference is computed once, for few kinds of rows, which all rows are of: see TestInputs.
  Result<OutputComparison> compare();
  bool is_right(const OutputComparison& comparison) const;
  /// After the last launch: compares, looks at the canaries of every buffer, and whether the inputs are what they
  /// were; where not, they are made so again. `first` is what compare() found after an earlier launch on the same
  /// inputs, which is not compared again where the bytes are the same.
  Result<OutputCheck> check(const std::optional<OutputComparison>& first = {});

 private:
  struct Set {
    GuardedBuffer u, y;  ///< y: what is written, which may be dk
    std::unique_ptr<GuardedBuffer> pregate, postgate, dy, carry_in, carry_out;
  };
  TestTensors(Device& device, const Problem& problem, std::uint64_t seed);
  Result<Set> make_set();
  Result<OutputComparison> compare_again(const OutputComparison& first);
  std::string fault_of(const OutputComparison& comparison) const;
  Result<std::string> overwritten() const;
  Result<std::string> changed_input() const;
  Result<void> restore();
  std::vector<std::pair<const char*, const GuardedBuffer*>> inputs() const;

  Device* device_;
  Problem problem_;
  TestInputs values_;
  std::vector<Set> sets_;
  std::unique_ptr<GuardedBuffer> filter_, skip_buffer_;  ///< filter_: null where its gradient is computed
  std::vector<std::uint64_t> input_sums_;                ///< of inputs(), as they were filled
  bool reference_known_ = false;
};

}  // namespace fftconv
