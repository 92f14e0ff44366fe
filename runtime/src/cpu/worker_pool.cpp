#include "cpu/worker_pool.h"

#include <unistd.h>

#include <algorithm>

#include "cpu/scratch.h"

namespace fftconv {
namespace {

constexpr std::int64_t kChunksPerThread = 8;  // rows differ little; the last chunk is what a thread may wait for

}  // namespace

ThreadPool::ThreadPool(int threads) : process_(getpid()) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
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

bool ThreadPool::run_here(Task task, const void* context, std::int64_t items, std::size_t scratch_bytes) {
  float* scratch = thread_scratch(scratch_bytes);
  if (!scratch) return false;
  task(context, 0, items, scratch);
  return true;
}

bool ThreadPool::run(Task task, const void* context, std::int64_t items, std::size_t scratch_bytes) {
  if (items <= 1 || workers_.empty() || in_other_process() || taken_.exchange(true, std::memory_order_acquire)) {
    return run_here(task, context, items, scratch_bytes);
  }
  const std::int64_t chunk = std::max<std::int64_t>(1, items / (threads() * kChunksPerThread));
  return run_job({task, context, items, chunk, scratch_bytes, false});
}

bool ThreadPool::run_on_each(Task task, const void* context) {
  if (workers_.empty() || in_other_process() || taken_.exchange(true, std::memory_order_acquire)) {
    return run_here(task, context, 1, 0);
  }
  return run_job({task, context, threads(), 1, 0, true});
}

bool ThreadPool::run_job(const Job& job) {
  job_ = job;
  next_ = 0;
  failed_ = false;
  pending_ = static_cast<int>(workers_.size());
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  take_part(0);
  for (int left = pending_.load(std::memory_order_acquire); left != 0;
       left = pending_.load(std::memory_order_acquire)) {
    pending_.wait(left, std::memory_order_acquire);
  }
  const bool ok = !failed_;
  taken_.store(false, std::memory_order_release);
  return ok;
}

void ThreadPool::take_part(int index) {
  float* scratch = thread_scratch(job_.scratch_bytes);
  if (!scratch) {
    failed_ = true;
    return;
  }
  if (job_.on_each) return job_.task(job_.context, index, index + 1, scratch);
  for (;;) {
    const std::int64_t first = next_.fetch_add(job_.chunk, std::memory_order_relaxed);
    if (first >= job_.items) return;
    job_.task(job_.context, first, std::min(first + job_.chunk, job_.items), scratch);
  }
}

void ThreadPool::work(int index) {
  std::uint32_t seen = 0;
  for (;;) {
    generation_.wait(seen, std::memory_order_acquire);
    seen = generation_.load(std::memory_order_acquire);
    if (stop_) return;
    take_part(index);
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_all();
  }
}

}  // namespace fftconv
