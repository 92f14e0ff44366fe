#include "fftconv/calibration.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "cholesky.h"
#include "fftconv/search_space.h"

namespace fftconv {
namespace {

constexpr std::size_t kLeastTrials = 32;
constexpr std::size_t kLeastOfProblem = 8;  // candidates, for a problem to say which of them is better
constexpr double kWeightScale = 0.1;        // how large a weight is thought to be before anything was measured
constexpr double kNoise = 0.05;             // deviation from the model that is thought to be ordinary
constexpr double kNearBest = 0.2;           // log-distance from the problem's best at which a trial counts by 1/e
constexpr double kLeastWeight = 0.02;       // of a trial that is far from its problem's best
constexpr double kHuber = 1.5;              // residuals past this many deviations count less
constexpr int kRounds = 5;                  // of reweighting
const double kMostCorrection = std::log(4.0);
const double kMostLeft = std::log(1.5);  // of what the weights leave that the forest is taught
constexpr double kForestWeight = 0.1;    // of trials that the forest is taught: those near their problem's best

struct Row {
  std::vector<double> traits, structure;
  double residual = 0;  ///< log of measured over predicted
  double weight = 1;
  std::size_t problem = 0;
};

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += a[i] * b[i];
  return sum;
}

std::vector<Row> rows_of(std::span<const TimedCandidate> trials, const DeviceFacts& device, std::size_t& problems) {
  const DeviceFacts nominal = with_nominal_rates(device);
  std::map<std::string, std::vector<const TimedCandidate*>> by_problem;
  for (const TimedCandidate& trial : trials) {
    if (trial.seconds > 0 && std::isfinite(trial.seconds)) by_problem[to_string(trial.problem)].push_back(&trial);
  }
  std::vector<Row> rows;
  problems = 0;
  for (const auto& [name, members] : by_problem) {
    if (members.size() < kLeastOfProblem) continue;
    double best = members.front()->seconds;
    for (const TimedCandidate* trial : members) best = std::min(best, trial->seconds);
    const std::size_t before = rows.size();
    for (const TimedCandidate* trial : members) {
      const double predicted = predict(trial->problem, trial->config, nominal).total_s;
      if (!(predicted > 0) || !std::isfinite(predicted)) continue;
      Row row{.traits = candidate_traits(trial->problem, trial->config, device),
              .structure = candidate_structure(trial->problem, trial->config),
              .problem = problems};
      row.residual = std::log(trial->seconds / predicted);
      row.weight = std::max(kLeastWeight, std::exp(-std::log(trial->seconds / best) / kNearBest));
      const bool finite =
          std::all_of(row.traits.begin(), row.traits.end(), [](double t) { return std::isfinite(t); });
      if (finite && std::isfinite(row.residual)) rows.push_back(std::move(row));
    }
    if (rows.size() > before) ++problems;
  }
  return rows;
}

/// Subtracts each problem's weighted means: what is left are differences within problems.
void centre(std::vector<Row>& rows, std::size_t problems) {
  if (rows.empty()) return;
  const std::size_t n = rows.front().traits.size();
  std::vector<Row> mean(problems, Row{.traits = std::vector<double>(n), .weight = 0});
  for (const Row& row : rows) {
    Row& m = mean[row.problem];
    m.weight += row.weight;
    m.residual += row.weight * row.residual;
    for (std::size_t i = 0; i < n; ++i) m.traits[i] += row.weight * row.traits[i];
  }
  for (Row& row : rows) {
    const Row& m = mean[row.problem];
    row.residual -= m.residual / m.weight;
    for (std::size_t i = 0; i < n; ++i) row.traits[i] -= m.traits[i] / m.weight;
  }
}

/// Ridge regression with the rows' weights times `trust`; none where the system cannot be solved.
std::optional<std::vector<double>> regress(const std::vector<Row>& rows, const std::vector<double>& trust) {
  const std::size_t n = rows.front().traits.size();
  const double ridge = kNoise * kNoise / (kWeightScale * kWeightScale);
  std::vector<std::vector<double>> normal(n, std::vector<double>(n));
  std::vector<double> right(n);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const double weight = rows[r].weight * trust[r];
    const std::vector<double>& t = rows[r].traits;
    for (std::size_t i = 0; i < n; ++i) {
      right[i] += weight * t[i] * rows[r].residual;
      for (std::size_t j = 0; j <= i; ++j) normal[i][j] += weight * t[i] * t[j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) normal[i][i] += ridge;
  const std::optional<Cholesky> factor = cholesky_of(normal);
  if (!factor) return std::nullopt;
  std::vector<double> weights = factor->solve(std::move(right));
  const bool finite = std::all_of(weights.begin(), weights.end(), [](double w) { return std::isfinite(w); });
  return finite ? std::optional(std::move(weights)) : std::nullopt;
}

double weighted_spread(const std::vector<Row>& rows, const std::vector<double>& trust,
                       const std::vector<double>& weights) {
  double sum = 0, total = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const double left = rows[r].residual - dot(weights, rows[r].traits);
    sum += rows[r].weight * trust[r] * left * left;
    total += rows[r].weight * trust[r];
  }
  return std::sqrt(sum / total);
}

/// What the weights leave of each row, within its problem.
Forest grow_forest(const std::vector<Row>& rows, const std::vector<double>& weights) {
  std::vector<std::vector<double>> structures;
  std::vector<double> left, importance;
  for (const Row& row : rows) {
    if (row.weight < kForestWeight) continue;
    structures.push_back(row.structure);
    left.push_back(std::clamp(row.residual - dot(weights, row.traits), -kMostLeft, kMostLeft));
    importance.push_back(row.weight);
  }
  return Forest::fit(structures, left, importance);
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::optional<Calibration> Calibration::fit(std::span<const TimedCandidate> trials, const DeviceFacts& device) {
  std::size_t problems = 0;
  const std::vector<Row> raw = rows_of(trials, device, problems);
  if (raw.size() < kLeastTrials || problems < 2) return std::nullopt;
  std::vector<Row> rows = raw;
  centre(rows, problems);
  std::vector<double> trust(rows.size(), 1.0);
  std::optional<std::vector<double>> weights;
  for (int round = 0; round < kRounds; ++round) {
    weights = regress(rows, trust);
    if (!weights) return std::nullopt;
    const double spread = std::max(weighted_spread(rows, trust, *weights), 1e-4);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const double left = std::abs(rows[r].residual - dot(*weights, rows[r].traits));
      trust[r] = left <= kHuber * spread ? 1.0 : kHuber * spread / left;
    }
  }
  Calibration calibration;
  calibration.centre_.assign(weights->size(), 0);
  for (const Row& row : raw) {
    for (std::size_t i = 0; i < row.traits.size(); ++i) {
      calibration.centre_[i] += row.traits[i] / static_cast<double>(raw.size());
    }
  }
  const double at_centre = dot(*weights, calibration.centre_);
  std::vector<double> offsets;
  for (const Row& row : raw) offsets.push_back(row.residual - dot(*weights, row.traits) + at_centre);
  calibration.offset_ = median_of(std::move(offsets));
  calibration.spread_ = weighted_spread(rows, trust, *weights);
  calibration.forest_ = grow_forest(rows, *weights);
  calibration.weights_ = std::move(*weights);
  calibration.trials_ = static_cast<int>(raw.size());
  calibration.problems_ = static_cast<int>(problems);
  return calibration;
}

double Calibration::seconds(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) const {
  const double predicted_s = predict(problem, config, with_nominal_rates(device)).total_s;
  const double correction = dot(weights_, candidate_traits(problem, config, device)) - dot(weights_, centre_) +
                            forest_.predict(candidate_structure(problem, config));
  return predicted_s * std::exp(offset_ + std::clamp(correction, -kMostCorrection, kMostCorrection));
}

std::vector<Ranked> rank(const Problem& problem, std::vector<KernelConfig> configs, const DeviceFacts& device,
                         const Calibration* calibration) {
  std::vector<Ranked> ranked;
  for (KernelConfig& config : configs) {
    const Cost cost = predict(problem, config, device);
    const double seconds = calibration ? calibration->seconds(problem, config, device) : cost.total_s;
    ranked.push_back({std::move(config), cost, seconds});
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& a, const Ranked& b) { return a.expected_s < b.expected_s; });
  return ranked;
}

std::vector<Ranked> rank(const Problem& problem, const DeviceFacts& device, const Calibration* calibration) {
  return rank(problem, search_space(problem, device).configs, device, calibration);
}

std::vector<Ranked> rank(const Problem& problem, const DeviceFacts& device) { return rank(problem, device, nullptr); }

}  // namespace fftconv
