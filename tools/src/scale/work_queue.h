// WorkQueue: the problems of one environment, handed out to searchers that may die.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "fftconv/problem_source.h"

namespace fftconv {

/// A value without locks: who shares it, locks it.
class WorkQueue {
 public:
  /// How many searchers a problem may cost before it is given up: it may be what kills them.
  static constexpr int kMostLosses = 3;

  explicit WorkQueue(const std::vector<Problem>& problems);

  void join(int searcher) { searchers_.insert(searcher); }
  /// The first problem that nobody has; none where all are finished or at work.
  std::optional<Assignment> take(int searcher);
  /// False where it was finished before, by another.
  bool finish(std::size_t index);
  /// The searcher is gone: its problem is handed out again, before those that nobody had. The index of a problem that
  /// is given up instead, after kMostLosses; it counts as finished.
  std::optional<std::size_t> lose(int searcher);

  bool complete() const { return finished_ == items_.size(); }
  std::size_t size() const { return items_.size(); }
  std::size_t finished() const { return finished_; }
  const std::set<int>& searchers() const { return searchers_; }
  /// Problems that are not finished, in order.
  std::vector<std::size_t> unfinished() const;
  const Problem& problem(std::size_t index) const { return items_[index].problem; }

 private:
  enum class State { waiting, at_work, finished };
  struct Item {
    Problem problem;
    State state = State::waiting;
    int searcher = -1;
    int losses = 0;
  };
  std::vector<Item> items_;
  std::set<int> searchers_;
  std::size_t finished_ = 0;
};

}  // namespace fftconv
