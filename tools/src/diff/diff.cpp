#include "diff/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "recorded.h"

namespace fftconv::tools {
namespace {

using DeviceKey = std::pair<std::string, std::string>;      // kind, name
using ProblemPolicy = std::pair<std::string, std::string>;  // text of the problem, policy
using Winners = std::map<ProblemPolicy, Trial>;

struct Side {
  std::map<DeviceKey, Winners> devices;
  std::map<DeviceKey, std::string> archs;
};

Side side_of(const std::vector<Trial>& trials) {
  // An environment is as new as the latest trial of the problem in it.
  std::map<std::tuple<DeviceKey, ProblemPolicy, std::string>, std::int64_t> latest;
  const auto keys = [](const Trial& t) {
    return std::tuple(DeviceKey{t.environment.kind, t.environment.device},
                      ProblemPolicy{to_string(t.problem), t.environment.policy}, to_string(t.environment));
  };
  for (const Trial& trial : trials) {
    if (!can_win(trial)) continue;
    auto& time = latest[keys(trial)];
    time = std::max(time, trial.unix_time);
  }
  Side side;
  for (const Trial& trial : trials) {
    if (!can_win(trial)) continue;
    const auto [device, problem, environment] = keys(trial);
    const auto [place, is_new] = side.devices[device].try_emplace(problem, trial);
    side.archs[device] = trial.environment.arch;
    if (is_new) continue;
    const auto present = std::pair(latest[keys(place->second)], to_string(place->second.environment));
    const auto offered = std::pair(latest[keys(trial)], environment);
    if (offered > present || (offered == present && is_better(trial, place->second))) place->second = trial;
  }
  return side;
}

std::string shown(const DeviceKey& device) { return fmt::format("{} ({})", device.second, device.first); }

/// Pairs of devices; either may be missing.
std::vector<std::pair<std::optional<DeviceKey>, std::optional<DeviceKey>>> pair_devices(
    const Side& a, const Side& b, std::vector<std::string>& notes) {
  std::vector<std::pair<std::optional<DeviceKey>, std::optional<DeviceKey>>> pairs;
  std::set<DeviceKey> taken;
  for (const auto& [device, winners] : a.devices) {
    if (!b.devices.contains(device)) continue;
    pairs.emplace_back(device, device);
    taken.insert(device);
  }
  for (const auto& [device, winners] : a.devices) {
    if (b.devices.contains(device)) continue;
    std::optional<DeviceKey> other;
    for (const auto& [candidate, unused] : b.devices) {
      const bool alike = candidate.first == device.first && b.archs.at(candidate) == a.archs.at(device);
      if (!other && alike && !taken.contains(candidate)) other = candidate;
    }
    pairs.emplace_back(device, other);
    if (!other) continue;
    taken.insert(*other);
    notes.push_back(fmt::format("{} is compared with {}: another device of the same architecture, {}", shown(device),
                                shown(*other), a.archs.at(device)));
  }
  for (const auto& [device, winners] : b.devices) {
    if (!taken.contains(device)) pairs.emplace_back(std::nullopt, device);
  }
  return pairs;
}

void note_changes(const Environment& a, const Environment& b, std::set<std::string>& notes) {
  const auto note = [&](const char* what, const std::string& from, const std::string& to) {
    if (from != to) notes.insert(fmt::format("{}: {} {} before, {} after", b.device, what, from, to));
  };
  note("driver", a.driver, b.driver);
  note("compiler", a.compiler, b.compiler);
  note("generator", a.generator_digest.substr(0, 12), b.generator_digest.substr(0, 12));
}

/// One trial that stands in both files did not change, however far its samples are spread.
Comparison compare_trials(const Trial& a, const Trial& b) {
  const bool one = a.unix_time == b.unix_time && a.config == b.config && a.measurement == b.measurement &&
                   a.environment == b.environment;
  return one ? Comparison{Verdict::same, 1, {1, 1}, "the same trial on both sides"}
             : compare(a.measurement, b.measurement);
}

std::optional<Trial> of_problem(const Winners& winners, const std::string& problem) {
  const auto place = winners.lower_bound({problem, ""});
  return place != winners.end() && place->first.first == problem ? std::optional(place->second) : std::nullopt;
}

void compare_devices(const Winners& a, const Winners& b, const std::string& device, Diff& diff,
                     std::set<std::string>& notes) {
  std::set<std::string> done;
  for (const auto& [key, trial] : a) {
    if (const auto other = b.find(key); other != b.end()) {
      done.insert(key.first);
      diff.rows.push_back({device, trial.problem, trial, other->second, compare_trials(trial, other->second)});
      note_changes(trial.environment, other->second.environment, notes);
    }
  }
  for (const Winners* side : {&a, &b}) {
    for (const auto& [key, trial] : *side) {
      if (!done.insert(key.first).second) continue;
      DiffRow row{device, trial.problem, of_problem(a, key.first), of_problem(b, key.first), {}};
      if (row.before && row.after) {
        row.comparison.ratio = row.after->measurement.median / row.before->measurement.median;
        row.comparison.why = fmt::format("measured {} before and {} after", row.before->environment.policy,
                                         row.after->environment.policy);
      }
      diff.rows.push_back(std::move(row));
    }
  }
}

}  // namespace

int Diff::count(Verdict verdict) const {
  return static_cast<int>(std::count_if(rows.begin(), rows.end(), [&](const DiffRow& row) {
    return row.before && row.after && row.comparison.verdict == verdict;
  }));
}

Diff diff_of(const std::vector<Trial>& before, const std::vector<Trial>& after) {
  const Side a = side_of(before), b = side_of(after);
  Diff diff;
  std::set<std::string> notes;
  const Winners none;
  for (const auto& [first, second] : pair_devices(a, b, diff.notes)) {
    compare_devices(first ? a.devices.at(*first) : none, second ? b.devices.at(*second) : none,
                    shown(second ? *second : *first), diff, notes);
  }
  diff.notes.insert(diff.notes.end(), notes.begin(), notes.end());
  return diff;
}

}  // namespace fftconv::tools
