#include "scale/watched_ranks.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "scale/rank_post.h"

namespace fftconv::tools {
namespace {

constexpr std::chrono::milliseconds kLook{100};  // what awake_clock() counts whole

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
    explicit Call(WatchedRanks& owner) : owner_(owner) { count(); }
    ~Call() { count(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    void count() const {
      const std::lock_guard lock(owner_.mutex_);
      ++owner_.ends_;
    }
    WatchedRanks& owner_;
  };

  void watch() {
    const Clock clock = awake_clock();
    std::unique_lock lock(mutex_);
    std::uint64_t seen = ends_;
    double since = clock();
    for (;;) {
      changed_.wait_for(lock, kLook, [&] { return over_; });
      if (over_) return;
      const double now = clock();
      const bool inside = ends_ % 2 == 1;
      if (!inside || ends_ != seen) since = now;
      seen = ends_;
      if (now - since > limit_s_) break;
    }
    lock.unlock();
    give_up_();
  }

  std::unique_ptr<Ranks> ranks_;
  double limit_s_;
  std::function<void()> give_up_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t ends_ = 0;  ///< beginnings and ends of calls so far: odd inside one
  bool over_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Ranks> watch(std::unique_ptr<Ranks> ranks, double limit_s, std::function<void()> give_up) {
  return std::make_unique<WatchedRanks>(std::move(ranks), limit_s, std::move(give_up));
}

}  // namespace fftconv::tools
