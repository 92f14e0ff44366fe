#include "scale/rank_post.h"

#include <algorithm>
#include <chrono>

namespace fftconv::tools {
namespace {

// Often enough to answer at once for a person, seldom enough to leave the cores to what is being timed.
constexpr std::chrono::milliseconds kLook{2};
constexpr double kLongestLook = 0.25;  // seconds: what is longer was sleep
constexpr double kLastLetters = 5;     // seconds for letters to leave at the end

bool is_stored(MessageKind kind) {
  return kind == MessageKind::trials || kind == MessageKind::leftover || kind == MessageKind::row;
}

}  // namespace

Clock awake_clock(const Clock& inner) {
  return [inner, last = inner(), awake = 0.0]() mutable {
    const double now = inner();
    awake += std::min(now - last, kLongestLook);
    last = now;
    return awake;
  };
}

RankPost::RankPost(std::unique_ptr<Ranks> ranks, std::unique_ptr<Coordinator> coordinator, double silence_s)
    : ranks_(std::move(ranks)),
      coordinator_(std::move(coordinator)),
      silence_s_(silence_s),
      rank_(ranks_->rank()),
      size_(ranks_->size()),
      heard_(clock_()),
      thread_([this] { work(); }) {}

RankPost::~RankPost() {
  if (thread_.joinable()) finish("it was interrupted");
}

void RankPost::say(Message message) {
  const std::lock_guard lock(mutex_);
  if (is_stored(message.kind)) message.number = ++said_;
  outbox_.push_back(to_text(message));
  changed_.notify_all();
}

std::optional<Message> RankPost::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !inbox_.empty() || over_; });
  if (inbox_.empty()) return std::nullopt;
  Message message = std::move(inbox_.front());
  inbox_.pop_front();
  return message;
}

void RankPost::cancel() {
  const std::lock_guard lock(mutex_);
  cancel_ = true;
}

RankPost::Ending RankPost::finish(const std::string& why) {
  {
    // What has not been stored is not left behind by a good-bye.
    std::unique_lock lock(mutex_);
    if (why.empty()) changed_.wait(lock, [&] { return answered_ >= said_ || over_; });
  }
  say({.kind = MessageKind::bye, .text = why});
  if (thread_.joinable()) thread_.join();
  ranks_->leave(together_);
  return kept_ >= said_ ? Ending::complete : Ending::alone;
}

std::size_t RankPost::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

std::size_t RankPost::finished() const {
  const std::lock_guard lock(mutex_);
  return finished_;
}

void RankPost::work() {
  for (;;) {
    const double now = clock_();
    std::deque<std::string> texts;
    bool cancel = false;
    {
      const std::lock_guard lock(mutex_);
      texts.swap(outbox_);
      cancel = cancel_;
      if (coordinator_) problems_ = coordinator_->problems();
      if (coordinator_) finished_ = coordinator_->finished();
    }
    for (std::string& text : texts) {
      if (coordinator_) {
        dispatch(coordinator_->handle({rank_, std::move(text)}));
      } else if (!ranks_->send(0, text)) {
        return close();
      }
    }
    beat(now);
    for (;;) {
      auto letter = ranks_->receive();
      if (!letter || !*letter) break;
      deliver(**letter);
    }
    {
      const std::lock_guard lock(mutex_);
      if (over_) return;
    }
    if (coordinator_) {
      if (cancel) dispatch(coordinator_->cancel());
      dispatch(coordinator_->tick());
      if (coordinator_->complete()) return close();
    } else if (now - heard_ > silence_s_) {
      return close();
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLook, [&] { return !outbox_.empty(); });
  }
}

void RankPost::deliver(const Letter& letter) {
  if (coordinator_) return dispatch(coordinator_->handle(letter));
  heard_ = clock_();
  if (const auto message = parse_message(letter.text)) hear(*message);
}

// What the coordinator says to this rank.
void RankPost::hear(const Message& message) {
  const std::lock_guard lock(mutex_);
  switch (message.kind) {
    case MessageKind::kept:
      answered_ = message.number;
      kept_ += message.text.empty();
      break;
    case MessageKind::take:
      if (!coordinator_) problems_ = message.problems;
      if (!coordinator_) finished_ = message.finished;
      inbox_.push_back(message);
      break;
    case MessageKind::stop:
      inbox_.push_back(message);
      break;
    case MessageKind::end:
      together_ = message.together;
      over_ = true;
      break;
    default:
      break;
  }
  changed_.notify_all();
}

void RankPost::dispatch(const std::vector<Outgoing>& out) {
  for (const Outgoing& each : out) {
    if (each.to == rank_) {
      hear(each.message);
    } else if (const auto sent = ranks_->send(each.to, to_text(each.message)); !sent) {
      dispatch(coordinator_->lose(each.to, "cannot be reached"));
    }
  }
}

void RankPost::beat(double now) {
  if (now - last_beat_ < std::min(1.0, silence_s_ / 5)) return;
  last_beat_ = now;
  const std::string text = to_text({.kind = MessageKind::beat});
  if (!coordinator_) {
    const auto sent = ranks_->send(0, text);
    (void)sent;  // its silence will tell
    return;
  }
  for (const int rank : coordinator_->present()) {
    if (rank == rank_) continue;
    if (!ranks_->send(rank, text)) dispatch(coordinator_->lose(rank, "cannot be reached"));
  }
}

// The end of the thread: rank 0 tells all who are there.
void RankPost::close() {
  bool together = false;
  if (coordinator_) {
    together = coordinator_->together();
    for (const int rank : coordinator_->present()) {
      if (rank == rank_) continue;
      const auto sent = ranks_->send(rank, to_text({.kind = MessageKind::end, .together = together}));
      (void)sent;  // it will notice the silence
    }
    const double begin = clock_();
    while (ranks_->pending() > 0 && clock_() - begin < (together ? kLastLetters : 1.0)) {
      std::this_thread::sleep_for(kLook);
    }
  }
  const std::lock_guard lock(mutex_);
  together_ = together;
  over_ = true;
  changed_.notify_all();
}

}  // namespace fftconv::tools
