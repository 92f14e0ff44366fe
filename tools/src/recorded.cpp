#include "recorded.h"

#include <fmt/format.h>

#include "files.h"

namespace fftconv::tools {

Result<TuningDb> open_recorded(const std::filesystem::path& file, const Console& console) {
  const auto bytes = read_file(file);
  if (!bytes) return bytes.error();
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  if (text.starts_with("SQLite format 3")) return open_to_read(file, &console);
  auto database = TuningDb::open({}, [&console](const std::string& line) { console.note(line); });
  if (!database) return database.error();
  if (const auto taken = database->import_lines(std::string(text)); !taken) {
    return invalid(
        fmt::format("{}: neither a database nor lines that export wrote: {}", quoted(file), taken.error().message));
  }
  return database;
}

Result<std::vector<Trial>> all_trials(TuningDb& database) {
  std::vector<Trial> trials;
  const auto visited = database.for_each([&](const Trial& trial) {
    trials.push_back(trial);
    return true;
  });
  if (!visited) return visited.error();
  return trials;
}

bool can_win(const Trial& trial) {
  return trial.measurement.status == TrialStatus::measured && trial.measurement.error >= 0;
}

bool is_better(const Trial& a, const Trial& b) {
  if (can_win(a) != can_win(b)) return can_win(a);
  return can_win(a) && a.measurement.median < b.measurement.median;
}

}  // namespace fftconv::tools
