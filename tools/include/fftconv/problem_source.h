// ProblemSource: where a sweep's problems come from and where its rows go. A list, a shard of one, several devices
// that share one, and rank 0 of an MPI job are all of this kind.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "fftconv/problem.h"

namespace fftconv {

struct SweepRow;
struct Trial;

/// A problem given to one searcher.
struct Assignment {
  std::size_t index = 0;  ///< in the list of problems
  Problem problem;
  /// Of the time left, what this search may take: 1 / (problems not finished), times the number of searchers, at
  /// most 1.
  double share = 1;
};

/// Thread-safe: each searcher asks for itself.
class ProblemSource {
 public:
  virtual ~ProblemSource() = default;

  /// The next problem; none when no more will come to this searcher. May wait: a problem that another searcher has
  /// is handed out again where that one dies.
  virtual std::optional<Assignment> next() = 0;
  /// A trial of the problem at work has been stored.
  virtual void learned(const Trial& /*trial*/) {}
  /// The problem is finished, well or not.
  virtual void done(const Assignment& assignment, const SweepRow& row) = 0;

  virtual std::size_t problems() const = 0;  ///< in the list
  virtual std::size_t finished() const = 0;  ///< by all searchers
};

/// Hands out a list in its order to `searchers` threads of this process, none of which dies.
std::unique_ptr<ProblemSource> make_list_source(const std::vector<Problem>& problems, int searchers = 1);

}  // namespace fftconv
