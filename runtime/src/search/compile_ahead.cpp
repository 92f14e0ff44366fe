#include "search/compile_ahead.h"

#include "caught.h"

namespace fftconv {

CompileAhead::CompileAhead(Runner& runner, int threads) : runner_(runner) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

CompileAhead::~CompileAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  changed_.notify_all();
}

void CompileAhead::add(const std::vector<KernelConfig>& configs) {
  if (threads_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    queue_.insert(queue_.end(), configs.begin(), configs.end());
  }
  changed_.notify_all();
}

void CompileAhead::forget() {
  const std::lock_guard lock(mutex_);
  queue_.clear();
}

void CompileAhead::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.empty() && busy_ == 0; });
}

void CompileAhead::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const KernelConfig config = queue_.front();
    queue_.pop_front();
    ++busy_;
    lock.unlock();
    // What it throws is not lost: prepare() compiles again where nothing was compiled, and tells.
    static_cast<void>(caught([&]() -> Result<void> {
      runner_.compile(config);
      return {};
    }));
    lock.lock();
    --busy_;
    changed_.notify_all();
  }
}

}  // namespace fftconv
