// The inputs and outputs on which candidates of one problem are checked and timed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fftconv/measure.h"
#include "guarded_buffer.h"
#include "random_samples.h"
#include "rows.h"

namespace fftconv {

/// What the comparison of one output with fp64 showed.
struct OutputCheck {
  double error = -1;  ///< largest relative L2 error of a compared row; infinity where a value is not finite
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

  /// Poisons y of set 0 with 0xFF, which is NaN in every I/O type.
  Result<void> poison();
  /// Compares y of set 0 with fp64: a sample of rows, or all where they are few; the others must be finite. Looks at
  /// the canaries of every buffer, and whether the inputs are what they were; where not, they are made so again. The
  /// reference is computed once.
  Result<OutputCheck> check();

 private:
  struct Set {
    GuardedBuffer u, y;  ///< y: what is written, which may be dk
    std::unique_ptr<GuardedBuffer> pregate, postgate, dy, carry_in, carry_out;
  };
  struct Row {
    std::int64_t number = 0;  ///< of output_rows()
    std::vector<double> expected, found;
    std::vector<double> expected_carry, found_carry;
  };

  TestTensors(Device& device, const Problem& problem, std::uint64_t seed);
  Result<Set> make_set();
  void pick_rows(std::uint64_t seed);
  void compute_reference();
  RowInputs inputs_of(RowId row) const;
  Result<bool> read_output();
  Result<bool> read_carry();
  bool take_chunk(const std::byte* chunk, std::int64_t first, std::int64_t last);
  Result<std::string> overwritten() const;
  Result<std::string> changed_input() const;
  Result<void> restore();
  std::vector<std::pair<const char*, const GuardedBuffer*>> inputs() const;

  Device* device_;
  Problem problem_;
  OutputRows output_;
  RandomSamples u_, taps_, pregate_, postgate_, skip_, dy_, carry_;
  std::vector<Set> sets_;
  std::unique_ptr<GuardedBuffer> filter_, skip_buffer_;  ///< filter_: null where its gradient is computed
  std::vector<Row> rows_;
  std::vector<std::uint64_t> input_sums_;  ///< of inputs(), as they were filled
  bool reference_known_ = false;
};

}  // namespace fftconv
