// Coordinator: rank 0's side of a sweep by several ranks. It hands out problems, stores what comes back, and notices
// who is gone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fftconv/tuner.h"
#include "scale/message.h"
#include "scale/ranks.h"
#include "scale/work_queue.h"

namespace fftconv::tools {

/// A message for a rank, rank 0 too: its searcher is a rank like any other.
struct Outgoing {
  int to = 0;
  Message message;
};

struct CoordinatorOptions {
  std::vector<Problem> problems;
  int ranks = 1;
  double silence_s = 60;  ///< a rank that was not heard for so long is lost, and its problem is handed out again
  Clock clock;            ///< empty: monotonic_clock()
  LogCallback log;
  std::function<void(const SweepRow&)> finished;  ///< each row, of every rank, after its trials are stored
};

/// A state machine without threads, clocks of its own or a network. What is fastest in one environment (device model,
/// driver, compiler) says nothing of another: each distinct one searches the whole list.
class Coordinator {
 public:
  /// `database` must outlive it; it takes all trials but rank 0's own, which are there already.
  Coordinator(CoordinatorOptions options, TuningDb& database);

  std::vector<Outgoing> handle(const Letter& letter);
  /// Looks for ranks that fell silent. Call every now and then.
  std::vector<Outgoing> tick();
  /// The rank cannot be reached.
  std::vector<Outgoing> lose(int rank, const std::string& why);
  /// Hands out no more: whoever asks is told to stop.
  std::vector<Outgoing> cancel();

  /// Every rank has said good-bye or is lost.
  bool complete() const;
  /// No rank was lost, or all that were came back.
  bool together() const;
  std::vector<int> present() const;  ///< ranks that are neither lost nor gone of their own will before the end
  std::size_t problems() const;      ///< of all environments
  std::size_t finished() const;

 private:
  struct Group {
    Environment environment;
    WorkQueue queue;
  };
  struct Rank {
    double heard = 0;
    int group = -1;  ///< -1: has not said where it searches
    std::string name;
    bool asking = false;
    bool lost = false;
    bool gone = false;
  };

  void join(int rank, const Message& message);
  void store(int rank, const Message& message, std::vector<Outgoing>& out);
  void finish_row(int rank, const Message& message);
  void give_up(Group& group, std::size_t index, const std::string& why);
  void forget(int rank, const std::string& why);
  void serve(std::vector<Outgoing>& out);
  Message assignment_message(Group& group, const Assignment& assignment);
  void say(const std::string& line) const;

  CoordinatorOptions options_;
  Clock clock_;
  TuningDb& database_;
  std::vector<Group> groups_;
  std::vector<Rank> ranks_;
  bool cancelled_ = false;
};

}  // namespace fftconv::tools
