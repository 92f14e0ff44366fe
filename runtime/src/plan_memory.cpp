#include "plan_memory.h"

#include <limits>

namespace fftconv {

// A problem and its plan, which may be replaced by one made with more effort.
struct PlanMemory::Node {
  Node(const Problem& of, std::size_t hash_of, int first_effort, std::shared_ptr<const Plan::State> first)
      : hash(hash_of), effort(first_effort), plan(std::move(first)), problem(of) {}
  std::size_t hash;
  std::atomic<int> effort;  ///< raised after the plan is replaced: a reader finds a plan of at least this effort
  SharedSlot<const Plan::State> plan;
  Problem problem;
};

struct PlanMemory::Table {
  // The hash lies beside the address, so that a step over another problem's slot touches one line of memory.
  struct Slot {
    std::atomic<std::size_t> hash = 0;
    std::atomic<Node*> node = nullptr;
  };
  explicit Table(std::size_t size) : slots(size) {}
  std::vector<Slot> slots;  ///< a power of two
};

PlanMemory::PlanMemory() {
  constexpr std::size_t kFirstSize = 64;
  tables_.push_back(std::make_unique<Table>(kFirstSize));
  table_ = tables_.back().get();
}

PlanMemory::~PlanMemory() = default;

PlanMemory::Node* PlanMemory::find_node(const Table& table, const Problem& problem, std::size_t hash) const {
  const std::size_t mask = table.slots.size() - 1;
  for (std::size_t place = hash & mask;; place = (place + 1) & mask) {
    const Table::Slot& slot = table.slots[place];
    Node* node = slot.node.load(std::memory_order_acquire);
    if (!node) return nullptr;
    if (slot.hash.load(std::memory_order_relaxed) == hash && node->problem == problem) return node;
  }
}

std::optional<Plan> PlanMemory::find(const Problem& problem, int effort) const {
  const std::size_t hash = std::hash<Problem>()(problem);
  const Node* node = find_node(*table_.load(std::memory_order_acquire), problem, hash);
  if (!node || node->effort.load(std::memory_order_acquire) < effort) return std::nullopt;
  return Plan(node->plan.load());
}

std::optional<Plan> PlanMemory::find_any(const Problem& problem) const {
  return find(problem, std::numeric_limits<int>::min());
}

void PlanMemory::put(const Problem& problem, int effort, const Plan& plan) {
  const std::lock_guard lock(writing_);
  const std::size_t hash = std::hash<Problem>()(problem);
  if (Node* known = find_node(*tables_.back(), problem, hash)) {
    if (known->effort.load(std::memory_order_relaxed) > effort) return;
    known->plan.exchange(plan.shared_state());
    known->effort.store(effort, std::memory_order_release);
    return;
  }
  const auto insert = [](Table& table, Node& node) {
    const std::size_t mask = table.slots.size() - 1;
    std::size_t place = node.hash & mask;
    while (table.slots[place].node.load(std::memory_order_relaxed)) place = (place + 1) & mask;
    table.slots[place].hash.store(node.hash, std::memory_order_relaxed);
    table.slots[place].node.store(&node, std::memory_order_release);
  };
  nodes_.push_back(std::make_unique<Node>(problem, hash, effort, plan.shared_state()));
  Node& node = *nodes_.back();
  if (2 * nodes_.size() <= tables_.back()->slots.size()) {
    insert(*tables_.back(), node);
    return;
  }
  auto larger = std::make_unique<Table>(2 * tables_.back()->slots.size());
  for (const auto& each : nodes_) insert(*larger, *each);
  tables_.push_back(std::move(larger));
  table_.store(tables_.back().get(), std::memory_order_release);
}

}  // namespace fftconv
