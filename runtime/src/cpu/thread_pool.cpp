#include "cpu/thread_pool.h"

#include <unistd.h>

namespace fftconv {
namespace {

thread_local const ThreadPool* at_work_for = nullptr;

/// For as long as it lives this thread is in a task of a pool.
class AtWork {
 public:
  explicit AtWork(const ThreadPool* pool) : before_(at_work_for) { at_work_for = pool; }
  ~AtWork() { at_work_for = before_; }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  const ThreadPool* before_;
};

std::uint64_t open_tasks(std::uint32_t generation, int count) {
  return std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(count);
}

}  // namespace

std::shared_ptr<Executor> make_thread_pool(int threads) { return std::make_shared<ThreadPool>(threads); }

ThreadPool::ThreadPool(int threads) : process_(getpid()) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  if (in_other_process()) {  // a fork has no copies of the threads: there is nothing to join
    for (std::thread& worker : workers_) worker.detach();
    return;
  }
  stop_ = true;
  ++generation_;
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::in_other_process() const { return getpid() != process_; }

int ThreadPool::threads() const {
  if (at_work_for == this || in_other_process()) return 1;
  return static_cast<int>(workers_.size()) + 1;
}

void ThreadPool::run(Task task, void* context, int count) {
  const bool alone = count <= 1 || threads() == 1;
  if (alone || taken_.exchange(true, std::memory_order_acquire)) {
    const AtWork here(this);
    for (int i = 0; i < count; ++i) task(context, i);
    return;
  }
  job_ = {task, context, count};
  pending_.store(count - 1, std::memory_order_relaxed);
  const std::uint32_t generation = generation_.load(std::memory_order_relaxed) + 1;
  open_.store(open_tasks(generation, count - 1), std::memory_order_release);
  generation_.store(generation, std::memory_order_release);
  generation_.notify_all();
  {
    const AtWork here(this);
    task(context, 0);
  }
  while (run_next(generation)) continue;
  for (int left = pending_.load(std::memory_order_acquire); left != 0;
       left = pending_.load(std::memory_order_acquire)) {
    pending_.wait(left, std::memory_order_acquire);
  }
  taken_.store(false, std::memory_order_release);
}

// One that was taken keeps the job from ending, so that what it reads of the job is not changed under it.
bool ThreadPool::run_next(std::uint32_t generation) {
  std::uint64_t open = open_.load(std::memory_order_acquire);
  do {
    if (open >> 32 != generation || static_cast<std::uint32_t>(open) == 0) return false;
  } while (!open_.compare_exchange_weak(open, open - 1, std::memory_order_acq_rel, std::memory_order_acquire));
  {
    const AtWork here(this);
    job_.task(job_.context, job_.count - static_cast<int>(static_cast<std::uint32_t>(open)));
  }
  if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_all();
  return true;
}

void ThreadPool::work() {
  std::uint32_t seen = 0;
  for (;;) {
    generation_.wait(seen, std::memory_order_acquire);
    seen = generation_.load(std::memory_order_acquire);
    if (stop_) return;
    while (run_next(seen)) continue;
  }
}

}  // namespace fftconv
