#include "worker/room.h"

#include <algorithm>

#include "trial_status.h"
#include "worker/values.h"

namespace fftconv::worker {

using Stage = SearchLimit::Stage;

Result<void> Room::open(Stage stage) {
  if (process_ && !process_->dead()) return {};
  close();
  Result<std::unique_ptr<Process>> process = starter_.runner(stage);
  if (!process) return process.error();
  process_ = std::move(*process);
  return {};
}

void Room::close() {
  process_.reset();
  history_.clear();
  loaded_.clear();
}

Result<Message> Room::ask(Stage stage, const Message& request, const KernelConfig& config, const char* doing) {
  const auto over = [&] { return starter_.limit().over(stage); };
  if (over()) return search_is_over();
  if (Result<void> opened = open(stage); !opened) return opened.error();
  Failure failure;
  Result<Message> answer = process_->ask(request, starter_.pool().options().limits.run_s, failure, over);
  if (!answer) return error_of(failure, doing);
  history_.push_back(config);
  return answer;
}

Result<Measurement> Room::prepare(const KernelConfig& config) { return prepare_for(Stage::check, config); }

Result<Measurement> Room::prepare_for(Stage stage, const KernelConfig& config) {
  const std::string name = to_string(config);
  const Result<std::shared_ptr<const Compiled>> compiled = compiling_.take(config);
  if (!compiled) return compiled.error();
  if (!(*compiled)->kernel) return (*compiled)->failure;
  Writer out;
  out.put(name).put((*compiled)->source.digest);
  put(out, *(*compiled)->kernel);
  const Result<Message> answer = ask(stage, {Kind::prepare, out.take()}, config, "checking");
  if (!answer && of_the_machine(answer.error().code)) return answer.error();
  if (!answer) return charged(answer.error());
  Reader in(answer->payload);
  if (!in.flag()) {
    const Error told = refusal_in(in);
    if (told.code == ErrorCode::crashed) return charged(told);
    return told;  // the candidate's own failures come as measurements
  }
  Measurement measurement = get_measurement(in);
  if (!in.ok()) return charged(refusal_in(in));
  if (measurement.status == TrialStatus::measured) {
    loaded_.insert(name);
    starter_.limit().passed(Stage::check);
  }
  return measurement;
}

Result<Sample> Room::sample(const KernelConfig& config) {
  const std::string name = to_string(config);
  if (!process_ || process_->dead() || !loaded_.contains(name)) {
    const Result<Measurement> again = prepare_for(Stage::sample, config);
    if (!again) return again.error();
    if (again->status != TrialStatus::measured) return error_of(*again);
  }
  Writer out;
  const Result<Message> answer = ask(Stage::sample, {Kind::sample, out.put(name).take()}, config, "timing");
  if (!answer) return answer.error();
  Reader in(answer->payload);
  if (!in.flag()) return refusal_in(in);
  const Sample sample = get_sample(in);
  if (!in.ok()) return refusal_in(in);
  starter_.limit().passed(Stage::sample);
  return sample;
}

void Room::release(const KernelConfig& config) {
  const std::string name = to_string(config);
  if (loaded_.erase(name) == 0 || !process_) return;
  Writer out;
  process_->tell({Kind::release, out.put(name).take()});
}

int Room::runs(const KernelConfig& config) const {
  return static_cast<int>(std::count(history_.begin(), history_.end(), config));
}

std::optional<KernelConfig> Room::before(const KernelConfig& config) const {
  const auto other =
      std::find_if(history_.rbegin(), history_.rend(), [&](const KernelConfig& ran) { return ran != config; });
  if (other == history_.rend()) return std::nullopt;
  return *other;
}

}  // namespace fftconv::worker
