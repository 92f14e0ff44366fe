#include <mutex>

#include "fftconv/tuner.h"
#include "scale/work_queue.h"

namespace fftconv {
namespace {

class ListSource final : public ProblemSource {
 public:
  ListSource(const std::vector<Problem>& problems, int searchers) : queue_(problems) {
    for (int i = 0; i < searchers; ++i) queue_.join(i);
  }

  std::optional<Assignment> next() override {
    const std::lock_guard lock(mutex_);
    return queue_.take(0);  // nobody dies: it does not matter who has it
  }
  void done(const Assignment& assignment, const SweepRow& /*row*/) override {
    const std::lock_guard lock(mutex_);
    queue_.finish(assignment.index);
  }
  std::size_t problems() const override { return queue_.size(); }
  std::size_t finished() const override {
    const std::lock_guard lock(mutex_);
    return queue_.finished();
  }

 private:
  mutable std::mutex mutex_;
  WorkQueue queue_;
};

}  // namespace

std::unique_ptr<ProblemSource> make_list_source(const std::vector<Problem>& problems, int searchers) {
  return std::make_unique<ListSource>(problems, searchers);
}

}  // namespace fftconv
