// PlanMemory: the plans made so far. A hit takes no lock that another problem's readers or a writer could hold.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "plan_state.h"
#include "shared_slot.h"

namespace fftconv {

class PlanMemory {
 public:
  PlanMemory();
  ~PlanMemory();
  PlanMemory(const PlanMemory&) = delete;
  PlanMemory& operator=(const PlanMemory&) = delete;

  /// The plan for `problem`, if one was made with at least the effort asked for.
  std::optional<Plan> find(const Problem& problem, int effort) const;
  /// The same with whatever effort it was made.
  std::optional<Plan> find_any(const Problem& problem) const;

  /// A plan that was made with less effort than the one that is there does not replace it.
  void put(const Problem& problem, int effort, const Plan& plan);

 private:
  struct Node;
  struct Table;
  Node* find_node(const Table& table, const Problem& problem, std::size_t hash) const;

  // Open addressing, at most half full, read without a lock: slots go from empty to a node once, and a table that has
  // grown too small stays until the end, since a reader may still be in it (together they are no larger than the
  // last).
  std::atomic<const Table*> table_;
  std::mutex writing_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace fftconv
