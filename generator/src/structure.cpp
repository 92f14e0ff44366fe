#include <algorithm>
#include <cmath>

#include "fftconv/calibration.h"

namespace fftconv {

std::vector<double> candidate_structure(const Problem& problem, const KernelConfig& config) {
  constexpr std::size_t kDigits = 6;  // outer radices told one by one
  const auto number = [](auto value) { return static_cast<double>(value); };
  const std::vector<int>& radices = config.radices;
  const std::size_t outer = radices.size() - 1;
  const double length = number(transform_length(config));
  const double columns = number(config.lanes) / config.rows;
  std::vector<double> numbers;
  for (std::size_t i = 0; i < kDigits; ++i) numbers.push_back(i < outer ? radices[i] : 0);
  const double odd = number(std::count_if(radices.begin(), radices.end() - 1, [](int r) { return r % 2 == 1; }));
  for (const double value : {
           number(outer > 0 ? radices[outer - 1] : 0),
           number(radices.back()),
           radices.back() / std::max(1.0, columns),
           number(outer),
           odd,
           number(config.rows),
           number(config.lanes),
           columns,
           number(config.warps),
           number(config.loop),
           number(config.depth),
           number(config.interleave),
           number(config.streaming),
           // Streams that are written at a time, and whether rows begin where streaming stores may go.
           number(config.streaming ? (outer > 0 ? radices[0] : 1) * (config.paired ? 2 : 1) : 0),
           number(config.streaming && config.lanes > 0 && problem.seqlen % config.lanes != 0),
           number(config.paired),
           number(config.twiddle),
           number(config.filter),
           number(config.engine),
           number(config.strategy),
           number(config.compiler),
           std::log2(length),
           length / number(problem.seqlen),
           std::log2(number(problem.seqlen)),
           number(problem.seqlen % 16),
           number(problem.batch),
           number(problem.batch) / config.rows,
           std::log2(number(problem.channels)),
           number(size_of(problem.io)),
           number(problem.mode == Mode::circular),
           std::log2(length * config.rows),
           std::log2(length * number(problem.channels)),
       }) {
    numbers.push_back(value);
  }
  return numbers;
}

}  // namespace fftconv
