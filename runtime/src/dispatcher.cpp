#include "dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fftconv/cost_model.h"
#include "fftconv/kernel_source.h"
#include "fftconv/measure.h"
#include "fftconv/search_space.h"
#include "fftconv/shipped.h"

namespace fftconv {
namespace {

bool contains(const std::vector<Candidate>& candidates, const KernelConfig& config) {
  return std::any_of(candidates.begin(), candidates.end(),
                     [&](const Candidate& candidate) { return candidate.config == config; });
}

// Winner and runner-up of `trials`, which has the fastest first: whether the choice between them rests on a time.
std::string tie_note(const std::vector<Trial>& trials, const KernelConfig& winner) {
  const auto won = std::find_if(trials.begin(), trials.end(), [&](const Trial& t) { return t.config == winner; });
  if (won == trials.end() || won->measurement.median <= 0) return {};
  const Trial* nearest = nullptr;
  const auto distance = [&](const Trial& t) {
    return std::abs(std::log(t.measurement.median / won->measurement.median));
  };
  for (const Trial& trial : trials) {
    const Measurement& m = trial.measurement;
    const bool comparable = was_timed(m.status) && m.median > 0 && !at_other_pace(m);
    if (comparable && trial.config != winner && (!nearest || distance(trial) < distance(*nearest))) nearest = &trial;
  }
  if (!nearest || distance(*nearest) > std::log(1 + MeasurePolicy{}.tie)) return {};
  return fmt::format("; a tie with {}, {:.1f} % away", to_string(nearest->config),
                     100 * std::expm1(distance(*nearest)));
}

// In how many fields two configs agree, the radices left out; none where they compute in another way altogether.
int likeness(const KernelConfig& a, const KernelConfig& b) {
  if (a.strategy != b.strategy || a.engine != b.engine || a.paired != b.paired || a.compiler != b.compiler) return 0;
  return 1 + (a.radices.size() == b.radices.size()) + (a.rows == b.rows) + (a.warps == b.warps) + (a.loop == b.loop) +
         (a.depth == b.depth) + (a.filter == b.filter) + (a.twiddle == b.twiddle) + (a.lanes == b.lanes) +
         (a.interleave == b.interleave) + (a.streaming == b.streaming);
}

}  // namespace

std::optional<KernelConfig> adapt(const KernelConfig& config, const Problem& problem, const DeviceFacts& facts) {
  const bool legal = check_legal(problem, config, facts).ok();
  // Near enough to the problem's length: no need to rank the space to see that it belongs there.
  if (legal && 2 * transform_length(config) < 3 * problem.seqlen) return config;
  const std::vector<Ranked> ranked = rank(problem, facts);
  // A transform much longer than the problem can be legal, and right, and a waste: what the space would not offer is
  // taken over only by its other fields.
  const auto longest = std::max_element(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return transform_length(a.config) < transform_length(b.config);
  });
  if (legal && (longest == ranked.end() || transform_length(config) <= transform_length(longest->config)))
    return config;
  const Ranked* closest = nullptr;
  int most = 0;
  for (const Ranked& candidate : ranked) {
    const int alike = likeness(candidate.config, config);
    if (alike > most) closest = &candidate;
    most = std::max(most, alike);
  }
  if (!closest) return std::nullopt;
  return closest->config;
}

std::vector<Candidate> remembered(const Problem& problem, const DeviceFacts& facts, const Environment& environment,
                                  const std::vector<Trial>& trials, TuningDb& own,
                                  const std::function<TuningDb*()>& shipped) {
  std::vector<Candidate> candidates;
  const auto adapted = [&](const KernelConfig& config) { return adapt(config, problem, facts); };
  std::optional<Choice> best = own.choose(environment, problem, adapted);
  if (!best || best->provenance != Provenance::exact) {
    if (TuningDb* under = shipped()) best = choose(own, *under, environment, problem, adapted);
  }
  if (best) {
    const bool exact = best->provenance == Provenance::exact;
    candidates.push_back({.config = best->config,
                          .provenance = best->provenance,
                          .reason = best->explanation + (exact ? tie_note(trials, best->config) : std::string()),
                          .measured_s = exact ? best->seconds : 0});
  }
  for (const Trial& trial : trials) {
    if (trial.measurement.status != TrialStatus::measured || contains(candidates, trial.config)) continue;
    if (!check_legal(problem, trial.config, facts)) continue;
    candidates.push_back({.config = trial.config,
                          .provenance = Provenance::exact,
                          .reason = "measured here, the next best",
                          .measured_s = trial.measurement.median});
  }
  return candidates;
}

std::vector<Candidate> modelled(const Problem& problem, const DeviceFacts& facts, const Calibration* calibration) {
  std::vector<Candidate> candidates;
  const std::vector<Ranked> ranked = rank(problem, facts, calibration);
  const std::string model =
      calibration ? fmt::format("the cost model, calibrated on {} trials of this device", calibration->trials())
                  : "the cost model";
  for (std::size_t place = 0; place < ranked.size(); ++place) {
    candidates.push_back({.config = ranked[place].config,
                          .provenance = Provenance::cost_model,
                          .reason = fmt::format("nothing was measured for it here; place {} of {} by {}, bound by {}",
                                                place + 1, ranked.size(), model, ranked[place].cost.bound)});
  }
  // The default closes the list even where the model ranks it: it is what is left when the model's best fail.
  if (Result<KernelConfig> plain = default_config(problem, facts)) {
    candidates.push_back({.config = *plain,
                          .provenance = Provenance::plain_default,
                          .reason = "nothing was measured for it here, and the cost model's best cannot be used"});
  }
  return candidates;
}

}  // namespace fftconv
