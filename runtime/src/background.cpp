#include "background.h"

#include <algorithm>

#include "caught.h"

namespace fftconv {

Background::~Background() {
  std::deque<Task> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(tasks_);
  }
  changed_.notify_all();
  for (const Task& task : left) task.drop();
  if (thread_.joinable()) thread_.join();
}

void Background::add(Kind kind, std::function<void()> run, std::function<void()> drop,
                     std::function<void(const Error& error)> failed) {
  {
    const std::lock_guard lock(mutex_);
    const auto place = std::ranges::find_if(tasks_, [kind](const Task& other) { return other.kind > kind; });
    tasks_.insert(place, {kind, std::move(run), std::move(drop), std::move(failed)});
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  changed_.notify_all();
}

bool Background::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Background::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (stopping_) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    const Result<void> ran = caught([&]() -> Result<void> {
      const std::unique_ptr<BackgroundScope> scope = device_->enter_background();
      task.run();
      return {};
    });
    if (!ran) task.failed(ran.error());
    task = {};  // what it holds goes outside the lock
    lock.lock();
  }
}

}  // namespace fftconv
