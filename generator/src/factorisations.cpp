// Transform lengths of the CUDA family as lists of radices.
#include <algorithm>
#include <numeric>
#include <tuple>

#include "fftconv/search_space.h"

namespace fftconv {
namespace {

using Radices = std::vector<int>;

constexpr int core_radices[] = {16, 32, 48, 64};
constexpr int core_points = 1024;
/// Left-overs on CUDA cores stand first; after them the greatest first, since the outermost stage is half a stage.
constexpr int outer_radices[] = {8, 5, 4, 3, 2, 64, 48, 32, 16};
constexpr std::size_t kept_lists = 12;
constexpr double kept_excess = 1.34;  ///< over the shortest transform; past it padding costs more than radices save
constexpr std::size_t always_kept = 2;

std::int64_t product(const Radices& radices) {
  return std::accumulate(radices.begin(), radices.end(), std::int64_t{1}, std::multiplies<>());
}

/// Appends `outer` more outer radices in the order of the table, each multiset once, and then every core.
void enumerate(Radices& head, int outer, std::size_t from, std::int64_t seqlen, std::vector<Radices>& out) {
  if (outer > 0) {
    for (std::size_t i = from; i < std::size(outer_radices); ++i) {
      head.push_back(outer_radices[i]);
      enumerate(head, outer - 1, i, seqlen, out);
      head.pop_back();
    }
    return;
  }
  for (const int r : core_radices) {
    for (const int c : core_radices) {
      if (r * c > core_points || product(head) * r * c < seqlen) continue;
      Radices list = head;
      list.insert(list.end(), {r, c});
      out.push_back(std::move(list));
    }
  }
}

}  // namespace

std::vector<Radices> factorisations(std::int64_t seqlen, int order) {
  if (seqlen < 1 || order < 2 || order > 4) return {};
  std::vector<Radices> lists;
  Radices head;
  enumerate(head, order - 2, 0, seqlen, lists);
  const auto key = [](const Radices& list) {
    return std::make_tuple(product(list), std::accumulate(list.begin(), list.end(), 0), list);
  };
  std::sort(lists.begin(), lists.end(), [&](const Radices& a, const Radices& b) { return key(a) < key(b); });
  if (lists.size() > kept_lists) lists.resize(kept_lists);
  if (lists.size() > always_kept) {
    const double longest = kept_excess * static_cast<double>(product(lists[0]));
    const auto too_long = [&](const Radices& list) { return static_cast<double>(product(list)) > longest; };
    lists.erase(std::remove_if(lists.begin() + always_kept, lists.end(), too_long), lists.end());
  }
  return lists;
}

}  // namespace fftconv
