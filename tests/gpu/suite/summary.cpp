#include "suite/summary.h"

#include <fmt/format.h>

namespace fftconv::gpu_suite {
namespace {

/// A number of the record, scaled, or a dash where the record does not have it.
std::string number(const Json& record, const char* field, double scale, int digits) {
  const auto found = record.find(field);
  if (found == record.end() || !found->is_number()) return "-";
  return fmt::format("{:.{}f}", found->get<double>() * scale, digits);
}
std::string milliseconds(const Json& record, const char* field) { return number(record, field, 1e3, 4); }

std::string sweep_table(const std::vector<Json>& records) {
  std::string table = fmt::format("{:<52} {:>9} {:>9} {:>6} {:>8} {:>9} {:>9}  {}\n", "problem (ms, cold L2)", "time",
                                  "floor", "ratio", "GB/s", "default", "cuFFT", "winner");
  for (const Json& record : records) {
    table += fmt::format("{:<52} {:>9} {:>9} {:>6} {:>8} {:>9} {:>9}  {}\n", record.value("case", ""),
                         milliseconds(record, "seconds"), milliseconds(record, "floor_s"),
                         number(record, "ratio_to_floor", 1, 2), number(record, "bytes_per_s", 1e-9, 0),
                         milliseconds(record, "default_s"), milliseconds(record, "cufft_s"),
                         record.value("winner", record.value("status", "")));
  }
  return table;
}

std::string ceilings_table(const std::vector<Json>& records) {
  std::string table;
  for (const Json& record : records) {
    table += fmt::format("{}\n", record.value("case", ""));
    if (!record.contains("runs")) {
      table += fmt::format("  {} us\n", number(record, "seconds", 1e6, 2));
      continue;
    }
    for (const Json& run : record["runs"]) {
      table += " ";
      for (const auto& [name, value] : run.items()) {
        if (name == "registers") continue;
        if (value.is_string()) table += fmt::format(" {:<22}", value.get<std::string>());
        if (value.is_number()) table += fmt::format(" {}={:.4g}", name, value.get<double>());
      }
      table += '\n';
    }
  }
  return table;
}

}  // namespace

Summary write_summary(const Options& options, double wall_s) {
  Summary summary;
  Json results = {{"suite", 1}, {"sections", Json::object()}};
  std::string tables;
  for (const auto& section : make_sections(options)) {
    if (!options.section.empty() && section->name() != options.section) continue;
    const std::vector<Json> records = Records(options.out, section->name()).read();
    int bad = 0;
    for (const Json& record : records) {
      if (!is_bad(record)) continue;
      ++bad;
      tables += fmt::format("{} | {} | {} | {}\n", section->name(), record.value("case", ""),
                            record.value("status", ""), record.value("reason", ""));
    }
    const int chosen = static_cast<int>(chosen_cases(*section, options).size());
    const int done = static_cast<int>(records.size());
    summary.done += done;
    summary.bad += bad;
    summary.left += std::max(0, chosen - done);
    summary.text += fmt::format("{:<12} {} of {} cases done, {} bad\n", section->name(), done, chosen, bad);
    results["sections"][section->name()] = {{"chosen", chosen}, {"done", done}, {"bad", bad}, {"records", records}};
    if (section->name() == "ceilings") tables += ceilings_table(records);
    if (section->name() == "sweep") tables += sweep_table(records);
  }
  results["bad"] = summary.bad;
  results["left"] = summary.left;
  results["budget_s"] = options.budget_s;
  results["wall_s"] = wall_s;
  for (const auto& written :
       {write_file(options.out / "results.json", results.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"),
        write_file(options.out / "table.txt", summary.text + "\n" + tables)}) {
    if (!written) summary.text += written.error().message + "\n";
  }
  return summary;
}

}  // namespace fftconv::gpu_suite
