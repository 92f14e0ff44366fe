#include <algorithm>
#include <chrono>

#include "bench/bench.h"
#include "convolve.h"
#include "fftconv/cost_model.h"

namespace fftconv::tools {
namespace {

constexpr int kFewestRounds = 3;
constexpr std::int64_t kCheckedRows = 16;

class Own : public Contender {
 public:
  Own(Convolution convolution, std::string name) : convolution_(std::move(convolution)), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  Result<void> run() override { return convolution_.start(); }
  Result<std::vector<double>> result() override { return convolution_.result(); }

 private:
  Convolution convolution_;
  std::string name_;
};

double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

struct Lane {
  std::unique_ptr<Contender> contender;
  std::vector<double> samples;
  BenchTime time;
};

void add_peer(std::vector<Lane>& lanes, const std::string& name, Result<std::unique_ptr<Contender>> peer) {
  Lane lane;
  lane.time.peer = name;
  lane.time.name = peer ? (*peer)->name() : name;
  if (peer) {
    lane.contender = std::move(*peer);
  } else {
    lane.time.missing = peer.error().message;
  }
  lanes.push_back(std::move(lane));
}

struct Operands {
  const Problem& problem;
  std::vector<double> u, filter;
};

/// A first run that does not count, and the check of what it computed.
Result<void> warm_up(Lane& lane, Stopwatch& watch, const Operands& operands) {
  if (auto first = watch.time(*lane.contender, false); !first) return first.error();
  const auto y = lane.contender->result();
  if (!y) return y.error();
  const Problem& problem = operands.problem;
  const std::int64_t step = std::max<std::int64_t>(1, problem.batch * problem.channels / kCheckedRows);
  lane.time.error = error_against_fp64(problem, operands.u, operands.filter, *y, step);
  return {};
}

/// Ours must work; a peer that fails is left out from then on, and the report says why.
Result<void> leave_out(Lane& lane, const Error& error) {
  if (lane.time.peer.empty()) return error;
  lane.contender.reset();
  lane.samples.clear();
  lane.time.missing = error.message;
  return {};
}

/// Rounds until there are enough or the time is up.
Result<int> race(std::vector<Lane>& lanes, Stopwatch& watch, const BenchSettings& settings) {
  const auto start = std::chrono::steady_clock::now();
  int round = 0;
  for (; round < settings.rounds; ++round) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (round >= kFewestRounds && elapsed.count() > settings.seconds) break;
    for (Lane& lane : lanes) {
      if (!lane.contender) continue;
      const auto seconds = watch.time(*lane.contender, settings.cold);
      if (seconds) {
        lane.samples.push_back(*seconds);
      } else if (auto left = leave_out(lane, seconds.error()); !left) {
        return left.error();
      }
    }
  }
  return round;
}

BenchTime summary(Lane& lane) {
  if (lane.samples.empty()) return lane.time;
  std::sort(lane.samples.begin(), lane.samples.end());
  lane.time.lower_quartile = quantile(lane.samples, 0.25);
  lane.time.median = quantile(lane.samples, 0.5);
  lane.time.upper_quartile = quantile(lane.samples, 0.75);
  return lane.time;
}

}  // namespace

Result<BenchRow> bench_one(Context& context, const Problem& problem, const BenchSettings& settings) {
  const DeviceFacts& facts = context.device().facts();
  const bool cuda = facts.kind == DeviceKind::cuda;
  const auto plan = context.plan(problem, settings.plan);
  if (!plan) return plan.error();
  const Operands operands{problem, random_input(problem, settings.seed), random_filter(problem, settings.seed)};
  const BenchData data{
      problem, {operands.u.begin(), operands.u.end()}, {operands.filter.begin(), operands.filter.end()}};
  auto own = Convolution::prepare(context.device(), *plan, operands.u, operands.filter);
  if (!own) return own.error();
  auto watch =
      cuda ? make_cuda_stopwatch(settings.peer.ordinal, facts.l2_bytes) : make_host_stopwatch(facts.l2_bytes);
  if (!watch) return watch.error();

  std::vector<Lane> lanes;
  lanes.push_back({std::make_unique<Own>(std::move(*own), "fftconv"), {}, {.name = "fftconv"}});
  for (const PeerRequest& peer : settings.peers) {
    add_peer(lanes, peer.name, make_peer(peer, data, facts, settings.peer));
  }
  for (Lane& lane : lanes) {
    if (!lane.contender) continue;
    if (auto ready = warm_up(lane, **watch, operands); !ready) {
      if (auto left = leave_out(lane, ready.error()); !left) return left.error();
    }
  }
  const auto rounds = race(lanes, **watch, settings);
  if (!rounds) return rounds.error();
  BenchRow row{.problem = problem,
               .config = to_string(plan->config()),
               .provenance = to_string(plan->provenance()),
               .floor_s = floor_seconds(problem, facts),
               .rounds = *rounds,
               .own = summary(lanes.front()),
               .peers = {}};
  for (std::size_t i = 1; i < lanes.size(); ++i) row.peers.push_back(summary(lanes[i]));
  return row;
}

}  // namespace fftconv::tools
