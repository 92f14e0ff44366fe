#include "scale/watched_ranks.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace fftconv::tools {
namespace {

constexpr double kLook = 0.25;  // seconds: what a look takes longer was sleep, or a batch system's pause

class WatchedRanks final : public Ranks {
 public:
  WatchedRanks(std::unique_ptr<Ranks> ranks, double limit_s, std::function<void()> give_up)
      : ranks_(std::move(ranks)), limit_s_(limit_s), give_up_(std::move(give_up)), thread_([this] { watch(); }) {}
  ~WatchedRanks() override {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  WatchedRanks(const WatchedRanks&) = delete;
  WatchedRanks& operator=(const WatchedRanks&) = delete;

  int rank() const override { return ranks_->rank(); }
  int size() const override { return ranks_->size(); }
  Result<void> send(int to, const std::string& text) override {
    const Call call(*this);
    return ranks_->send(to, text);
  }
  Result<std::optional<Letter>> receive() override {
    const Call call(*this);
    return ranks_->receive();
  }
  std::size_t pending() override {
    const Call call(*this);
    return ranks_->pending();
  }
  void leave(bool together) override {
    const Call call(*this);
    ranks_->leave(together);
  }

 private:
  struct Call {
    explicit Call(WatchedRanks& owner) : owner_(owner) { count(true); }
    ~Call() { count(false); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    void count(bool inside) const {
      const std::lock_guard lock(owner_.mutex_);
      owner_.inside_ = inside;
      ++owner_.changes_;
    }
    WatchedRanks& owner_;
  };

  void watch() {
    std::unique_lock lock(mutex_);
    std::uint64_t seen = 0;
    double same_s = 0;
    while (!over_) {
      const double look = std::min(kLook, limit_s_ / 4);
      changed_.wait_for(lock, std::chrono::duration<double>(look), [&] { return over_; });
      same_s = inside_ && changes_ == seen ? same_s + look : 0;
      seen = changes_;
      if (same_s <= limit_s_ || over_) continue;
      lock.unlock();
      return give_up_();
    }
  }

  std::unique_ptr<Ranks> ranks_;
  double limit_s_;
  std::function<void()> give_up_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool inside_ = false;
  std::uint64_t changes_ = 0;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Ranks> watch(std::unique_ptr<Ranks> ranks, double limit_s, std::function<void()> give_up) {
  return std::make_unique<WatchedRanks>(std::move(ranks), limit_s, std::move(give_up));
}

}  // namespace fftconv::tools
