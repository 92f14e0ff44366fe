#include <fmt/format.h>

#include "diff/diff.h"
#include "table.h"

namespace fftconv::tools {
namespace {

std::string verdict_of(const DiffRow& row) {
  if (!row.before) return "only after";
  if (!row.after) return "only before";
  return to_string(row.comparison.verdict);
}

std::string percent(double ratio) { return fmt::format("{:+.1f} %", (ratio - 1) * 100); }

std::string interval_text(const Interval& interval) {
  return interval == Interval{} ? "-" : percent(interval.low) + " … " + percent(interval.high);
}

bool other_kernel(const DiffRow& row) { return row.before && row.after && row.before->config != row.after->config; }

std::string remark(const DiffRow& row) {
  std::string text = row.comparison.why;
  if (other_kernel(row)) text += (text.empty() ? "" : "; ") + std::string("now ") + to_string(row.after->config);
  return text;
}

std::string median_of(const std::optional<Trial>& trial) {
  return trial ? show_seconds(trial->measurement.median) : "-";
}

Json side_json(const std::optional<Trial>& trial) { return trial ? to_json(*trial) : Json(nullptr); }

constexpr Verdict kVerdicts[] = {Verdict::faster, Verdict::slower, Verdict::same, Verdict::cannot_tell};

}  // namespace

std::string diff_text(const Diff& diff) {
  Table table({{"problem"},
               {"device"},
               {"before", Align::right},
               {"after", Align::right},
               {"change", Align::right},
               {"at 95 %", Align::right},
               {"verdict"},
               {"remark"}});
  int alone = 0;
  for (const DiffRow& row : diff.rows) {
    const bool both = row.before && row.after;
    alone += both ? 0 : 1;
    table.add({to_string(row.problem), row.device, median_of(row.before), median_of(row.after),
               both ? percent(row.comparison.ratio) : "-", interval_text(row.comparison.interval), verdict_of(row),
               remark(row)});
  }
  std::string text = table.empty() ? "" : table.text() + "\n";
  for (const std::string& note : diff.notes) text += note + "\n";
  for (const Verdict verdict : kVerdicts) text += fmt::format("{} {}, ", diff.count(verdict), to_string(verdict));
  return text + fmt::format("{} on one side only\n", alone);
}

Json diff_json(const Diff& diff) {
  Json json{{"problems", Json::array()}, {"notes", diff.notes}, {"counts", Json::object()}};
  for (const DiffRow& row : diff.rows) {
    const bool told = !(row.comparison.interval == Interval{});
    json["problems"].push_back(
        {{"problem", to_json(row.problem)},
         {"device", row.device},
         {"verdict", verdict_of(row)},
         {"ratio", row.before && row.after ? number(row.comparison.ratio) : Json(nullptr)},
         {"interval", told ? Json{row.comparison.interval.low, row.comparison.interval.high} : Json(nullptr)},
         {"other_kernel", other_kernel(row)},
         {"why", row.comparison.why},
         {"before", side_json(row.before)},
         {"after", side_json(row.after)}});
  }
  for (const Verdict verdict : kVerdicts) json["counts"][to_string(verdict)] = diff.count(verdict);
  return json;
}

}  // namespace fftconv::tools
