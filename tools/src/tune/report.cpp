// report: one page that shows all that was measured.
#include <fmt/format.h>

#include <ctime>

#include "files.h"
#include "recorded.h"
#include "report/page.h"
#include "tune/commands.h"

namespace fftconv::tools {
namespace {

/// Facts of the device at hand where it is the one that was measured, of the architecture's data sheet for a GPU that
/// is not, none for another CPU.
class FactsSource {
 public:
  std::optional<KnownFacts> operator()(const Environment& environment) {
    if (!looked_) look();
    for (const DeviceFacts& facts : present_) {
      if (facts.name == environment.device && to_string(facts.kind) == environment.kind &&
          facts.arch == environment.arch && facts.sm_count == environment.sm_count)
        return KnownFacts{facts,
                          fmt::format("Floor: bytes over bandwidth or work over rate, whichever is longer, with "
                                      "the rates of this machine’s {}{}.",
                                      facts.name, facts.measured ? ", measured now" : ", from its data sheet")};
    }
    const auto facts = facts_of_arch(environment.arch);
    if (!facts) return std::nullopt;
    return KnownFacts{*facts, fmt::format("Floor: bytes over bandwidth or work over rate, whichever is longer, with "
                                          "data-sheet rates of a typical {} ({}), which this device need not have.",
                                          environment.arch, facts->name)};
  }

 private:
  void look() {
    looked_ = true;
    for (const DeviceKind kind : {DeviceKind::cuda, DeviceKind::cpu}) {
      if (const auto device = open_device(kind)) present_.push_back((*device)->facts());
    }
  }
  bool looked_ = false;
  std::vector<DeviceFacts> present_;
};

bool matches(const Environment& environment, const std::string& filter) {
  return environment.device.find(filter) != std::string::npos || environment.arch.find(filter) != std::string::npos;
}

Result<std::vector<BenchEntry>> bench_files(const std::vector<std::string>& files) {
  std::vector<BenchEntry> all;
  for (const std::string& file : files) {
    const auto bytes = read_file(file);
    if (!bytes) return bytes.error();
    auto entries = parse_bench(std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
    if (!entries) return invalid(fmt::format("{}: {}", quoted(std::filesystem::path(file)), entries.error().message));
    all.insert(all.end(), entries->begin(), entries->end());
  }
  return all;
}

}  // namespace

int report(const TuneOptions& options, const Console& console) {
  const std::filesystem::path file = options.db.empty() ? tuning_db_file() : std::filesystem::path(options.db);
  auto database = options.db.empty() ? open_to_read(file, &console) : open_recorded(file, console);
  if (!database) {
    Error error = database.error();
    if (error.code == ErrorCode::not_found) error.code = ErrorCode::invalid_argument;
    return console.fail(error);
  }
  ReportInputs inputs;
  auto trials = all_trials(*database);
  if (!trials) return console.fail(trials.error());
  const bool any = !trials->empty();
  std::erase_if(*trials, [&](const Trial& trial) { return !matches(trial.environment, options.devices); });
  if (any && trials->empty())
    return console.fail(
        invalid(fmt::format("no device in {} has '{}' in its name or architecture; leave --device out "
                            "to see all",
                            quoted(file), options.devices)));
  inputs.trials = std::move(*trials);
  inputs.search = [&](const Environment& e, const Problem& p) { return database->find_search(e, p); };
  inputs.facts = FactsSource();
  auto bench = bench_files(options.bench);
  if (!bench) return console.fail(bench.error());
  inputs.bench = std::move(*bench);
  Report made = make_report(inputs);
  made.source = file.string();
  made.made = std::time(nullptr);
  made.filter = options.devices;
  made.with_bench = !options.bench.empty();
  if (const auto written = write_file(options.output, page_html(made)); !written)
    return console.fail(written.error());
  return finish(console, fmt::format("a report of {} trials written to {}\n", inputs.trials.size(), options.output));
}

}  // namespace fftconv::tools
