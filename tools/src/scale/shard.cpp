#include "scale/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace fftconv::tools {
namespace {

bool parse_int(std::string_view text, int& value) {
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && stop == text.data() + text.size();
}

Result<Shard> automatic(const Launcher& launcher) {
  const bool array = launcher.array_count > 0;
  const Shard shard = array ? Shard{launcher.array_index, launcher.array_count} : Shard{launcher.rank, launcher.size};
  if (!array && launcher.size < 1) {
    return invalid("--shard auto finds no Slurm array and no launcher; give i/n, such as --shard 2/8");
  }
  if (shard.index < 0 || shard.index >= shard.count) {
    return invalid(
        "--shard auto needs an array with consecutive task numbers, such as --array=1-8; give i/n for any other");
  }
  return shard;
}

}  // namespace

Result<Shard> parse_shard(const std::string& text, const Launcher& launcher) {
  if (text.empty()) return Shard{};
  if (text == "auto") return automatic(launcher);
  const std::string_view view = text;
  const std::size_t slash = view.find('/');
  Shard shard;
  const bool read = slash != view.npos && parse_int(view.substr(0, slash), shard.index) &&
                    parse_int(view.substr(slash + 1), shard.count);
  if (!read || shard.count < 1 || shard.index < 1 || shard.index > shard.count) {
    return invalid(fmt::format("shard '{}' is not i/n with 1 <= i <= n, such as 2/8, nor auto", text));
  }
  --shard.index;
  return shard;
}

double search_weight(const Problem& problem) {
  constexpr double kCompile = 4, kButterfly = 3e-8;
  const auto points = static_cast<double>(problem.seqlen) + static_cast<double>(problem.filter_len);
  const double rows = static_cast<double>(problem.batch) * static_cast<double>(problem.channels);
  return kCompile + kButterfly * rows * points * std::log2(std::max(2.0, points));
}

std::vector<Problem> problems_of_shard(const std::vector<Problem>& problems, const Shard& shard) {
  std::vector<std::size_t> order(problems.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return search_weight(problems[a]) > search_weight(problems[b]);
  });
  std::vector<double> load(static_cast<std::size_t>(shard.count), 0);
  std::vector<std::size_t> mine;
  for (const std::size_t i : order) {
    const auto lightest = std::min_element(load.begin(), load.end());
    *lightest += search_weight(problems[i]);
    if (lightest - load.begin() == shard.index) mine.push_back(i);
  }
  std::sort(mine.begin(), mine.end());
  std::vector<Problem> chosen;
  for (const std::size_t i : mine) chosen.push_back(problems[i]);
  return chosen;
}

}  // namespace fftconv::tools
