#include "fftconv/search_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "backend.h"
#include "backend_of.h"

namespace fftconv {
namespace {

/// The kind of a refusal: its sentence without the numbers, which differ from candidate to candidate.
std::string without_numbers(const std::string& sentence) {
  std::string kind;
  for (const char c : sentence) {
    if (c < '0' || c > '9') kind += c;
  }
  return kind;
}

/// Counts refusals by kind; the sentence with the least numbers of a kind stands for all: what the nearest miss
/// lacked.
class Refusals {
 public:
  void add(const std::string& reason) {
    const auto [at, is_new] = index_.try_emplace(without_numbers(reason), list_.size());
    if (is_new) list_.push_back({reason, 0});
    auto& refusal = list_[at->second];
    const auto size = [](const std::string& text) { return std::pair(text.size(), text); };
    if (size(reason) < size(refusal.reason)) refusal.reason = reason;
    ++refusal.count;
  }

  std::vector<SearchSpace::Refusal> by_count() && {
    std::stable_sort(list_.begin(), list_.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
    return std::move(list_);
  }

 private:
  std::vector<SearchSpace::Refusal> list_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace

SearchSpace search_space(const Problem& problem, const DeviceFacts& device) {
  SearchSpace space;
  Refusals refusals;
  if (const auto valid = validate(problem); !valid) {
    space.refused.push_back({valid.error().message, 1});
    return space;
  }
  const auto candidates = runs_cuda(device) ? cuda::candidates(problem, device) : cpu::candidates(problem, device);
  std::set<std::string> seen;
  for (const KernelConfig& config : candidates) {
    if (!seen.insert(to_string(config)).second) continue;
    if (const auto legal = check_legal(problem, config, device); legal) {
      space.configs.push_back(config);
    } else {
      refusals.add(legal.error().message);
    }
  }
  space.refused = std::move(refusals).by_count();
  return space;
}

Result<KernelConfig> default_config(const Problem& problem, const DeviceFacts& device) {
  if (const auto valid = validate(problem); !valid) return valid.error();
  auto chosen = runs_cuda(device) ? cuda::default_config(problem, device) : cpu::default_config(problem, device);
  if (chosen && check_legal(problem, *chosen, device)) return chosen;
  // The rule's choice is not legal here: the first of the space is, if anything is.
  const SearchSpace space = search_space(problem, device);
  if (!space.configs.empty()) return space.configs.front();
  const std::string reason = !space.refused.empty() ? space.refused.front().reason
                             : !chosen              ? chosen.error().message
                                                    : "there is no candidate; give another problem or device";
  return unsupported(
      fmt::format("no kernel of this library computes {} on {}: {}", to_string(problem), device.arch, reason));
}

}  // namespace fftconv
