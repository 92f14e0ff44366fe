#include "scale/work_queue.h"

#include <algorithm>

namespace fftconv {

WorkQueue::WorkQueue(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) items_.push_back({.problem = problem});
}

std::optional<Assignment> WorkQueue::take(int searcher) {
  join(searcher);
  std::optional<std::size_t> chosen;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].state != State::waiting) continue;
    if (!chosen || items_[i].losses > items_[*chosen].losses) chosen = i;
  }
  if (!chosen) return std::nullopt;
  Item& item = items_[*chosen];
  item.state = State::at_work;
  item.searcher = searcher;
  const double share = static_cast<double>(searchers_.size()) / static_cast<double>(items_.size() - finished_);
  return Assignment{*chosen, item.problem, std::min(1.0, share)};
}

bool WorkQueue::finish(std::size_t index) {
  if (index >= items_.size() || items_[index].state == State::finished) return false;
  items_[index].state = State::finished;
  ++finished_;
  return true;
}

std::optional<std::size_t> WorkQueue::lose(int searcher) {
  searchers_.erase(searcher);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    Item& item = items_[i];
    if (item.state != State::at_work || item.searcher != searcher) continue;
    item.state = State::waiting;
    item.searcher = -1;
    if (++item.losses < kMostLosses) return std::nullopt;
    finish(i);
    return i;
  }
  return std::nullopt;
}

std::vector<std::size_t> WorkQueue::unfinished() const {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < items_.size(); ++i)
    if (items_[i].state != State::finished) indices.push_back(i);
  return indices;
}

}  // namespace fftconv
