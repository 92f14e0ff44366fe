// A sweep on several devices: a thread for each, one list for those of one environment.
#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "fftconv/tuner.h"

namespace fftconv {
namespace {

/// The devices of one environment.
struct Group {
  Environment environment;
  std::vector<std::size_t> contexts;
  std::unique_ptr<ProblemSource> source;
};

std::vector<Group> group(const std::vector<std::shared_ptr<Context>>& contexts,
                         const std::vector<Problem>& problems) {
  std::vector<Group> groups;
  for (std::size_t i = 0; i < contexts.size(); ++i) {
    const Environment& environment = contexts[i]->environment();
    auto found = std::find_if(groups.begin(), groups.end(),
                              [&](const Group& known) { return known.environment == environment; });
    if (found == groups.end()) found = groups.insert(groups.end(), {environment, {}, nullptr});
    found->contexts.push_back(i);
  }
  for (Group& each : groups) each.source = make_list_source(problems, static_cast<int>(each.contexts.size()));
  return groups;
}

void sort_like(std::vector<SweepRow>& rows, const std::vector<Problem>& problems) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < problems.size(); ++i) place.emplace(to_string(problems[i]), i);
  std::stable_sort(rows.begin(), rows.end(), [&](const SweepRow& a, const SweepRow& b) {
    return place[to_string(a.problem)] < place[to_string(b.problem)];
  });
}

}  // namespace

std::vector<SweepRow> sweep(const std::vector<std::shared_ptr<Context>>& contexts,
                            const std::vector<Problem>& problems, const SweepOptions& options) {
  const std::vector<Group> groups = group(contexts, problems);
  std::mutex mutex;
  std::vector<std::vector<SweepRow>> rows(groups.size());
  std::vector<std::thread> threads;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const std::size_t i : groups[g].contexts) {
      threads.emplace_back([&, g, i] {
        SweepOptions own = options;
        own.progress = [&, i](const SweepProgress& step) {
          if (!options.progress) return;
          SweepProgress all = step;
          all.searcher = static_cast<int>(i);
          const std::lock_guard lock(mutex);
          all.problem = 0;
          for (const Group& each : groups) all.problem += each.source->finished();
          all.problem -= step.finished != nullptr && all.problem > 0;
          all.problems = problems.size() * groups.size();
          options.progress(all);
        };
        std::vector<SweepRow> mine = sweep(*contexts[i], *groups[g].source, own);
        const std::lock_guard lock(mutex);
        for (SweepRow& row : mine) rows[g].push_back(std::move(row));
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<SweepRow> all;
  for (std::vector<SweepRow>& part : rows) {
    sort_like(part, problems);
    std::move(part.begin(), part.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace fftconv
