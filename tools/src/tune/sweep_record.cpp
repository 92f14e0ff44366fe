#include "tune/sweep_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>

#include "database.h"

namespace fftconv::tools {
namespace {

struct Field {
  const char* key;
  std::string& (*value)(TuneOptions&);
};

// Where the databases lie is not among them: a sweep is resumed where its note was found.
constexpr Field kFields[] = {
    {"device", [](TuneOptions& options) -> std::string& { return options.machine.device; }},
    {"arch", [](TuneOptions& options) -> std::string& { return options.machine.arch; }},
    {"nvrtc", [](TuneOptions& options) -> std::string& { return options.machine.nvrtc; }},
    {"llvm", [](TuneOptions& options) -> std::string& { return options.machine.llvm; }},
    {"worker", [](TuneOptions& options) -> std::string& { return options.machine.worker; }},
    {"libcuda", [](TuneOptions& options) -> std::string& { return options.machine.libcuda; }},
    {"memory_limit", [](TuneOptions& options) -> std::string& { return options.memory_limit; }},
    {"order", [](TuneOptions& options) -> std::string& { return options.order; }},
    {"rigor", [](TuneOptions& options) -> std::string& { return options.rigor; }},
    {"policy", [](TuneOptions& options) -> std::string& { return options.policy; }},
};

constexpr std::string_view kEscaped = "\\\n\r", kLetters = "\\nr";

std::string escape(std::string_view value) {
  std::string text;
  for (const char c : value) {
    const std::size_t at = kEscaped.find(c);
    text += at == kEscaped.npos ? std::string(1, c) : std::string{'\\', kLetters[at]};
  }
  return text;
}

std::string unescape(std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t at = text[i] == '\\' && i + 1 < text.size() ? kLetters.find(text[i + 1]) : kLetters.npos;
    value += at == kLetters.npos ? text[i] : kEscaped[at];
    i += at != kLetters.npos;
  }
  return value;
}

struct Number {
  const char* key;
  double& (*value)(TuneOptions&);
};

constexpr Number kNumbers[] = {
    {"budget", [](TuneOptions& options) -> double& { return options.budget_s; }},
    {"compile_limit", [](TuneOptions& options) -> double& { return options.compile_limit_s; }},
    {"run_limit", [](TuneOptions& options) -> double& { return options.run_limit_s; }},
};

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

Error still_running(const SweepNote& sweep) {
  using namespace std::chrono;
  const auto minutes = floor<std::chrono::minutes>(sys_seconds(seconds(sweep.started)));
  const year_month_day day(floor<days>(minutes));
  const hh_mm_ss time(minutes - floor<days>(minutes));
  return {ErrorCode::busy,
          fmt::format("the sweep that began on {:04}-{:02}-{:02} at {:02}:{:02} UTC is still running: wait until it "
                      "ends, or stop it and resume then",
                      static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                      static_cast<unsigned>(day.day()), time.hours().count(), time.minutes().count())};
}

}  // namespace

std::string sweep_arguments(const TuneOptions& options, const SweepJob& job) {
  TuneOptions asked = options, plain;
  // An exhaustive search has no budget, and refuses one.
  asked.budget_s = job.rigor == Rigor::exhaustive ? plain.budget_s : job.budget_s;
  std::string text;
  for (const Problem& problem : job.problems) text += fmt::format("problem={}\n", to_string(problem));
  for (const Field& field : kFields)
    if (!field.value(asked).empty()) text += fmt::format("{}={}\n", field.key, escape(field.value(asked)));
  for (const Number& number : kNumbers)
    if (number.value(asked) != number.value(plain)) text += fmt::format("{}={}\n", number.key, number.value(asked));
  if (options.trials > 0) text += fmt::format("trials={}\n", options.trials);
  if (options.in_process) text += "in_process=1\n";
  return text;
}

Result<TuneOptions> parse_sweep_arguments(const std::string& text) {
  TuneOptions options;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t equals = line.find('=');
    const std::string_view key = line.substr(0, equals);
    const std::string value = equals == line.npos ? std::string() : unescape(line.substr(equals + 1));
    bool known = equals != line.npos;
    const auto* const amount =
        std::ranges::find_if(kNumbers, [&](const Number& number) { return known && key == number.key; });
    if (known && key == "problem") {
      options.problems.problems.push_back(value);
    } else if (known && (amount != std::end(kNumbers) || key == "trials" || key == "in_process")) {
      const std::optional<double> number = parse_number(value);
      known = number.has_value();
      if (amount != std::end(kNumbers)) amount->value(options) = number.value_or(0);
      if (key == "trials") options.trials = static_cast<int>(std::clamp(number.value_or(0), 0.0, 1e9));
      if (key == "in_process") options.in_process = number.value_or(0) != 0;
    } else {
      const Field* found = nullptr;
      for (const Field& field : kFields)
        if (known && key == field.key) found = &field;
      known = found != nullptr;
      if (found != nullptr) found->value(options) = value;
    }
    if (!known) {
      return Error{ErrorCode::damaged,
                   fmt::format("the sweep that was cut off cannot be read (\"{}\"); begin it anew "
                               "with fftconv-tune sweep",
                               line)};
    }
  }
  // Earlier versions noted a budget of exhaustive sweeps, too, that meant nothing.
  if (options.rigor == to_string(Rigor::exhaustive)) options.budget_s = 0;
  return options;
}

Result<SweepRecord> begin_record(const TuneOptions& options, const SweepJob& job, const Console& console) {
  auto database = open_to_write(console);
  if (!database) return database.error();
  SweepRecord record{.id = options.resumed};
  auto lock = SweepLock::open(tuning_db_file().parent_path());
  Result<void> entered = lock ? lock->enter() : lock.error();
  if (record.id == 0) {
    const auto begun = database->begin_sweep(sweep_arguments(options, job));
    if (!begun) return begun.error();
    record.id = *begun;
  }
  Result<void> taken = entered ? lock->take(record.id) : entered;
  if (entered) lock->leave();
  if (options.resumed != 0) {
    const auto note = database->unfinished_sweep(record.id + 1);
    const bool is_open = note && note->id == record.id;
    if (is_open && !taken && taken.error().code == ErrorCode::busy) return still_running(*note);
    if (!is_open) {
      return Error{ErrorCode::busy,
                   fmt::format("sweep {} was resumed by another process, which has ended it: there is "
                               "nothing left of it to do",
                               record.id)};
    }
  }
  if (taken) {
    record.lock.emplace(std::move(*lock));
  } else {
    console.note("a resume beside this sweep would do its work twice: " + taken.error().message);
  }
  return record;
}

Result<void> end_record(const SweepRecord& record, const Console& console) {
  auto database = open_to_write(console);
  if (!database) return database.error();
  return database->end_sweep(record.id);
}

Result<std::optional<SweepNote>> find_cut_off(const Console& console) {
  auto database = open_to_read(tuning_db_file(), &console);
  if (!database && database.error().code == ErrorCode::not_found) return std::optional<SweepNote>();
  if (!database) return database.error();
  auto lock = SweepLock::open(tuning_db_file().parent_path());
  const Result<void> entered = lock ? lock->enter() : lock.error();
  std::optional<SweepNote> running, found;
  for (auto note = database->unfinished_sweep(); note && !found; note = database->unfinished_sweep(note->id)) {
    const bool taken = entered && lock->is_taken(note->id);
    if (taken && !running) running = *note;
    if (!taken) found = *note;
  }
  if (!found && running) return still_running(*running);
  return found;
}

}  // namespace fftconv::tools
