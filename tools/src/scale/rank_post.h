// RankPost: a rank's thread that carries letters while the rank searches, and on rank 0 lets the coordinator work.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "scale/coordinator.h"
#include "scale/ranks.h"

namespace fftconv::tools {

/// Seconds in which this process was awake: each call adds what passed since the last, at most a quarter of a second.
/// While a batch system suspends the job, or the machine sleeps, nobody is silent.
Clock awake_clock(const Clock& inner = monotonic_clock());

class RankPost {
 public:
  /// `coordinator` on rank 0 alone; it belongs to this thread until finish() has returned.
  RankPost(std::unique_ptr<Ranks> ranks, std::unique_ptr<Coordinator> coordinator, double silence_s);
  RankPost(const RankPost&) = delete;
  RankPost& operator=(const RankPost&) = delete;
  ~RankPost();

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// To the coordinator. Numbers what is to be stored.
  void say(Message message);
  /// The next `take` or `stop`; none where the coordinator is gone.
  std::optional<Message> wait();
  /// No more problems: rank 0's coordinator tells all ranks to stop, another rank only itself.
  void cancel();

  enum class Ending {
    complete,  ///< all that this rank said is stored
    alone,     ///< the coordinator is gone or could not store: this rank's own database has what it said
  };
  /// Says good-bye (`why`: that this rank cannot go on), waits for the end of the job, on rank 0 until every rank has
  /// ended, and leaves it.
  Ending finish(const std::string& why = {});

  std::size_t problems() const;  ///< rank 0: of all environments
  std::size_t finished() const;

 private:
  void work();
  void deliver(const Letter& letter);
  void dispatch(const std::vector<Outgoing>& out);
  void hear(const Message& message);
  void beat(double now);
  void close();

  std::unique_ptr<Ranks> ranks_;
  std::unique_ptr<Coordinator> coordinator_;
  double silence_s_;
  Clock clock_ = awake_clock();
  int rank_;
  int size_;
  double heard_ = 0;      ///< of the coordinator
  double last_beat_ = 0;  ///< sent

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> outbox_;
  std::deque<Message> inbox_;
  std::int64_t said_ = 0;
  std::int64_t answered_ = 0;
  std::int64_t kept_ = 0;
  bool cancel_ = false;
  bool over_ = false;      ///< the thread has ended
  bool together_ = false;  ///< … and so have all others
  std::size_t problems_ = 0;
  std::size_t finished_ = 0;
  std::thread thread_;
};

}  // namespace fftconv::tools
