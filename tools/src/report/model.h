// What a report says, as values: made from trials, searches and times of peers, and written by page.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fftconv/device_facts.h"
#include "fftconv/tuning_db.h"

namespace fftconv::tools {

struct PeerTime {
  std::string name;     ///< "FFTW 3.3.10", "cuFFT 12.0"
  double seconds = 0;   ///< median; 0 = not measured
  std::string missing;  ///< why not
  bool operator==(const PeerTime&) const = default;
};

/// One problem that fftconv-bench measured.
struct BenchEntry {
  std::string device, kind, problem, cache;  ///< the problem's canonical text; cache "cold" or "hot"
  std::vector<PeerTime> peers;
  bool operator==(const BenchEntry&) const = default;
};

/// Of what fftconv-bench -o wrote. Errors: invalid_argument with what is wrong.
Result<std::vector<BenchEntry>> parse_bench(const std::string& text);

/// The best of one order and strategy.
struct Contest {
  int order = 0;
  Strategy strategy = Strategy::fused;
  double seconds = 0;
  std::string config;
};

struct ProblemResult {
  Problem problem;
  int trials = 0;
  std::optional<Trial> winner;
  std::vector<Contest> contests;  ///< fastest first; of measured candidates alone
  double floor_s = 0;             ///< 0 = unknown
  std::vector<PeerTime> peers;
  std::optional<SearchRecord> search;
  std::optional<double> regret_of_first;  ///< 0.01 = 1 % slower than the best; after an exhaustive search alone
  std::string why_no_regret;              ///< one phrase where there is none
  std::int64_t elements() const { return problem.seqlen * problem.batch * problem.channels; }
};

/// Problems that differ in length and channels alone: one chart.
struct Family {
  std::string name;
  int lengths = 0;                    ///< different ones
  std::vector<std::size_t> problems;  ///< places in Section::problems, by length
};

struct Prediction {
  double predicted_s = 0, measured_s = 0;
  Strategy strategy = Strategy::fused;
};

/// How well times were predicted; ratios are measured over predicted.
struct PredictionQuality {
  double median_ratio = 0, low_ratio = 0, high_ratio = 0;  ///< median, 5 % and 95 % quantile
  double rank_correlation = 0;  ///< Spearman's rho within each problem, mean over problems, weighted by trials
};

struct ErrorGroup {
  std::string name;               ///< "f16 arithmetic, f16 in memory"
  std::vector<double> of_budget;  ///< error over error_budget(), sorted, finite ones
  std::vector<double> errors;     ///< relative L2, sorted
  int not_finite = 0;             ///< outputs with NaN or infinity
  int over = 0;                   ///< above the budget, those that are not finite included
};

struct FailureGroup {
  TrialStatus status = TrialStatus::crashed;
  std::string reason;
  int count = 0;
  std::string example;  ///< "problem, config"
};

/// All of one environment.
struct Section {
  Environment environment;
  int trials = 0;
  std::int64_t first_time = 0, last_time = 0;
  std::string floor_source;  ///< a sentence: what the floor rests on, or why there is none
  std::vector<ProblemResult> problems;
  std::vector<Family> families;
  std::vector<Prediction> predictions;
  PredictionQuality quality;
  std::vector<ErrorGroup> errors;
  std::vector<FailureGroup> failures;        ///< most frequent first
  std::map<std::string, long long> refused;  ///< sentence -> combinations of all searches together
};

struct Report {
  std::string source;  ///< file
  std::int64_t made = 0;
  std::string filter;  ///< of devices, as typed
  bool with_bench = false;
  std::vector<Section> sections;  ///< the one measured last first
};

struct KnownFacts {
  DeviceFacts facts;
  std::string source;  ///< a sentence on where they come from
};

struct ReportInputs {
  std::vector<Trial> trials;
  std::function<std::optional<SearchRecord>(const Environment&, const Problem&)> search;
  std::function<std::optional<KnownFacts>(const Environment&)> facts;
  std::vector<BenchEntry> bench;
};

/// Sections, families and statistics; `source`, `made` and `filter` are left to the caller.
Report make_report(const ReportInputs& inputs);

}  // namespace fftconv::tools
