#include "cpu/team.h"

#include <algorithm>

namespace fftconv {

Team::Turn::Turn(Team& team) : team_(team) {
  if (team.threads_ <= 1) return;
  const int available = std::min(team.threads_, team.executor_->threads());
  if (available <= 1 || team.taken_.exchange(true, std::memory_order_acquire)) return;
  has_executor_ = true;
  threads_ = available;
}

Team::Turn::~Turn() {
  if (has_executor_) team_.taken_.store(false, std::memory_order_release);
}

float* Team::Turn::shared_scratch(std::size_t bytes) {
  return has_executor_ ? team_.shared_.at_least(bytes) : thread_scratch(bytes);
}

void Team::Turn::run(Executor::Task task, void* context) {
  if (has_executor_) return team_.executor_->run(task, context, threads_);
  task(context, 0);
}

Team::Part::Part(Team& team, bool helps) : team_(team), helps_(helps) {
  team_.computing_.fetch_add(1, std::memory_order_relaxed);
}

Team::Part::~Part() {
  if (counted_) team_.computing_.fetch_sub(1, std::memory_order_relaxed);
}

bool Team::Part::goes_on() {
  if (!helps_) return true;
  if (!counted_) return false;
  int computing = team_.computing_.load(std::memory_order_relaxed);
  while (computing > team_.threads_) {
    // Of several that see one too many only one leaves.
    if (team_.computing_.compare_exchange_weak(computing, computing - 1, std::memory_order_relaxed)) {
      counted_ = false;
      return false;
    }
  }
  return true;
}

}  // namespace fftconv
