#include "scale/coordinator.h"

#include <fmt/format.h>

#include <algorithm>

namespace fftconv::tools {

Coordinator::Coordinator(CoordinatorOptions options, TuningDb& database)
    : options_(std::move(options)),
      clock_(options_.clock ? options_.clock : monotonic_clock()),
      database_(database),
      ranks_(static_cast<std::size_t>(options_.ranks)) {
  for (Rank& rank : ranks_) rank.heard = clock_();
}

void Coordinator::say(const std::string& line) const {
  if (options_.log) options_.log(line);
}

std::vector<Outgoing> Coordinator::handle(const Letter& letter) {
  std::vector<Outgoing> out;
  if (letter.from < 0 || letter.from >= options_.ranks) return out;
  Rank& rank = ranks_[static_cast<std::size_t>(letter.from)];
  rank.heard = clock_();
  const Result<Message> message = parse_message(letter.text);
  if (!message) {
    say(fmt::format("rank {}: {}", letter.from, message.error().message));
    return out;
  }
  if (rank.lost) {
    say(fmt::format("rank {} was silent and is back", letter.from));
    rank.lost = false;
    if (rank.group >= 0) groups_[static_cast<std::size_t>(rank.group)].queue.join(letter.from);
  }
  switch (message->kind) {
    case MessageKind::join:
      join(letter.from, *message);
      break;
    case MessageKind::ask:
      rank.asking = true;
      break;
    case MessageKind::trials:
    case MessageKind::leftover:
      store(letter.from, *message, out);
      break;
    case MessageKind::row:
      store(letter.from, *message, out);
      finish_row(letter.from, *message);
      break;
    case MessageKind::bye:
      rank.gone = true;
      rank.asking = false;
      if (!message->text.empty()) say(fmt::format("rank {} cannot go on: {}", letter.from, message->text));
      forget(letter.from, "said good-bye");
      break;
    default:
      break;
  }
  serve(out);
  return out;
}

void Coordinator::join(int rank, const Message& message) {
  Rank& its = ranks_[static_cast<std::size_t>(rank)];
  its.name = message.text;
  const auto found = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const Group& group) { return group.environment == message.environment; });
  its.group = static_cast<int>(found - groups_.begin());
  if (found == groups_.end()) groups_.push_back({message.environment, WorkQueue(options_.problems)});
  groups_[static_cast<std::size_t>(its.group)].queue.join(rank);
}

// In the order in which a rank sent them, so that a candidate's second time replaces the first as it did there.
void Coordinator::store(int rank, const Message& message, std::vector<Outgoing>& out) {
  Result<void> kept;
  if (message.kind == MessageKind::leftover) {
    if (const auto taken = database_.import_lines(message.lines); !taken) kept = taken.error();
  } else if (rank != 0) {
    for (const Trial& trial : trials_of(message.lines)) {
      if (const auto put = database_.put(trial); !put) kept = put;
    }
    if (message.row && message.row->summary && message.row->summary->winner) {
      const Environment& environment = message.row->summary->winner->environment;
      const auto put = database_.put_search(environment, message.row->problem, message.row->summary->record);
      if (!put) kept = put;
    }
  }
  const std::string why = kept ? std::string() : kept.error().message;
  if (!kept) say(fmt::format("trials of rank {} could not be stored and stay in its own folder: {}", rank, why));
  out.push_back({rank, {.kind = MessageKind::kept, .number = message.number, .text = why}});
}

void Coordinator::finish_row(int rank, const Message& message) {
  const int group = ranks_[static_cast<std::size_t>(rank)].group;
  if (group < 0 || !message.row) return;
  const bool first = groups_[static_cast<std::size_t>(group)].queue.finish(message.index);
  if (first && options_.finished) options_.finished(*message.row);
}

void Coordinator::give_up(Group& group, std::size_t index, const std::string& why) {
  const Problem& problem = group.queue.problem(index);
  const SweepRow row{problem, group.environment, Error{ErrorCode::launch_failed, why}, why};
  if (options_.finished) options_.finished(row);
}

// Its problem goes back; where nobody is left who could search it, it has no answer.
void Coordinator::forget(int rank, const std::string& why) {
  Rank& its = ranks_[static_cast<std::size_t>(rank)];
  its.asking = false;
  if (its.group < 0) return;
  Group& own = groups_[static_cast<std::size_t>(its.group)];
  if (const auto index = own.queue.lose(rank)) {
    give_up(own, *index,
            fmt::format("{} ranks ended while they searched it; the last, rank {}, {}.", WorkQueue::kMostLosses, rank,
                        why));
  }
}

std::vector<Outgoing> Coordinator::lose(int rank, const std::string& why) {
  std::vector<Outgoing> out;
  Rank& its = ranks_[static_cast<std::size_t>(rank)];
  if (its.lost || its.gone) return out;
  its.lost = true;
  say(fmt::format("rank {} ({}) {}: it is taken for dead, and its problem is handed out again", rank,
                  its.name.empty() ? "not yet at work" : its.name, why));
  forget(rank, why);
  serve(out);
  return out;
}

std::vector<Outgoing> Coordinator::tick() {
  std::vector<Outgoing> out;
  for (int rank = 1; rank < options_.ranks; ++rank) {
    if (clock_() - ranks_[static_cast<std::size_t>(rank)].heard <= options_.silence_s) continue;
    for (Outgoing& each : lose(rank, fmt::format("was silent for {:.3g} s", options_.silence_s))) {
      out.push_back(std::move(each));
    }
  }
  return out;
}

std::vector<Outgoing> Coordinator::cancel() {
  std::vector<Outgoing> out;
  cancelled_ = true;
  serve(out);
  return out;
}

// Answers all who ask and can be answered. Nobody gets a problem before everybody has said where it searches: what an
// earlier job left behind comes before that, and is not to be measured again.
void Coordinator::serve(std::vector<Outgoing>& out) {
  const bool all_joined = std::all_of(ranks_.begin(), ranks_.end(),
                                      [](const Rank& rank) { return rank.group >= 0 || rank.lost || rank.gone; });
  if (!all_joined && !cancelled_) return;
  for (Group& group : groups_) {
    if (cancelled_ || !group.queue.searchers().empty()) continue;
    for (const std::size_t index : group.queue.unfinished()) {
      group.queue.finish(index);
      give_up(group, index, fmt::format("Every rank with {} has ended.", group.environment.device));
    }
  }
  for (int i = 0; i < options_.ranks; ++i) {
    Rank& rank = ranks_[static_cast<std::size_t>(i)];
    if (!rank.asking || rank.group < 0) continue;
    Group& group = groups_[static_cast<std::size_t>(rank.group)];
    if (cancelled_ || group.queue.complete()) {
      out.push_back({i, {.kind = MessageKind::stop}});
      rank.asking = false;
    } else if (const auto assignment = group.queue.take(i)) {
      out.push_back({i, assignment_message(group, *assignment)});
      rank.asking = false;
    }
  }
}

Message Coordinator::assignment_message(Group& group, const Assignment& assignment) {
  return {.kind = MessageKind::take,
          .index = assignment.index,
          .share = assignment.share,
          .problem = assignment.problem,
          .problems = group.queue.size(),
          .finished = group.queue.finished(),
          .lines = lines_of(database_.trials(group.environment, assignment.problem))};
}

bool Coordinator::complete() const {
  return std::all_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.gone || rank.lost; });
}

bool Coordinator::together() const {
  return std::none_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.lost; });
}

std::vector<int> Coordinator::present() const {
  std::vector<int> ranks;
  for (int i = 0; i < options_.ranks; ++i)
    if (!ranks_[static_cast<std::size_t>(i)].lost) ranks.push_back(i);
  return ranks;
}

std::size_t Coordinator::problems() const {
  return options_.problems.size() * std::max<std::size_t>(1, groups_.size());
}

std::size_t Coordinator::finished() const {
  std::size_t count = 0;
  for (const Group& group : groups_) count += group.queue.finished();
  return count;
}

}  // namespace fftconv::tools
