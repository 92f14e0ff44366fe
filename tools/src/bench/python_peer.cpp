// torch and scipy beside us, each in a Python process that shares the data.
#include <algorithm>

#include "bench/contender.h"
#include "bench/python_child.h"

namespace fftconv::tools {
namespace {

/// Where the arrays lie in what is shared, in floats.
struct Places {
  std::size_t u = 0, periods = 0, y = 0, end = 0;
};

class PythonPeer : public Contender {
 public:
  PythonPeer(const BenchData& data, std::unique_ptr<SharedFloats> shared, std::unique_ptr<PythonChild> child,
             const Places& places, std::string name)
      : count_(data.u.size()),
        shared_(std::move(shared)),
        child_(std::move(child)),
        places_(places),
        name_(std::move(name)) {}

  std::string name() const override { return name_; }
  std::optional<double> seconds() const override { return seconds_; }

  Result<void> run() override {
    const auto answer = child_->ask("run");
    if (!answer) return answer.error();
    const auto seconds = answer->find("seconds");
    if (seconds == answer->end() || !seconds->is_number()) {
      return Error{ErrorCode::launch_failed, name_ + " does not say how long it took"};
    }
    seconds_ = seconds->get<double>();
    return {};
  }

  Result<std::vector<double>> result() override {
    if (const auto answer = child_->ask("result"); !answer) return answer.error();
    const float* const y = shared_->data() + places_.y;
    return std::vector<double>(y, y + count_);
  }

 private:
  std::size_t count_;
  std::unique_ptr<SharedFloats> shared_;
  std::unique_ptr<PythonChild> child_;
  Places places_;
  std::string name_;
  std::optional<double> seconds_;
};

/// One period for each channel, or for each channel of each example: what broadcasts over (B, H, n).
void write_periods(const BenchData& data, std::int64_t n, float* to) {
  const Problem& p = data.problem;
  const std::int64_t examples = p.sharing == FilterSharing::per_example ? p.batch : 1;
  const std::int64_t filters = filter_count(p), a_filter = examples * p.channels / filters;
  for (std::int64_t row = 0; row < examples * p.channels; ++row) {
    std::ranges::copy(periodic_filter(data, row / a_filter, n), to + row * n);
  }
}

}  // namespace

Result<std::unique_ptr<Contender>> make_python_peer(const BenchData& data, const std::string& module,
                                                    const std::string& python, int threads) {
  const Problem& p = data.problem;
  const std::int64_t n = padded_length(p), examples = p.sharing == FilterSharing::per_example ? p.batch : 1;
  Places places;
  places.periods = data.u.size();
  places.y = places.periods + static_cast<std::size_t>(examples * p.channels * n);
  places.end = places.y + data.u.size();
  auto shared = SharedFloats::create(places.end);
  if (!shared) return shared.error();
  std::ranges::copy(data.u, (*shared)->data() + places.u);
  write_periods(data, n, (*shared)->data() + places.periods);
  auto child = PythonChild::start(python, module, (*shared)->descriptor());
  if (!child) return child.error();
  const Json setup{{"descriptor", PythonChild::kShared},
                   {"u", places.u},
                   {"periods", places.periods},
                   {"y", places.y},
                   {"points", n},
                   {"seqlen", p.seqlen},
                   {"batch", p.batch},
                   {"channels", p.channels},
                   {"examples", examples},
                   {"threads", threads}};
  const auto answer = (*child)->ask(setup.dump());
  if (!answer) return answer.error();
  const auto name = answer->find("name");
  if (name == answer->end() || !name->is_string()) {
    return Error{ErrorCode::launch_failed, module + "'s process does not say what it is"};
  }
  return std::unique_ptr<Contender>(
      std::make_unique<PythonPeer>(data, std::move(*shared), std::move(*child), places, name->get<std::string>()));
}

}  // namespace fftconv::tools
