// export, import, merge: thin over the database.
#include <fmt/format.h>

#include "database.h"
#include "fftconv/trial_schema.h"
#include "files.h"
#include "json_out.h"
#include "tune/commands.h"

namespace fftconv::tools {
namespace {

int report_taken(const TuneOptions& options, const Console& console, int taken) {
  if (options.json) return finish(console, dump({{"taken", taken}, {"database", tuning_db_file().string()}}));
  return finish(console, fmt::format("{} trials taken into {}\n", taken, tuning_db_file().string()));
}

}  // namespace

int finish(const Console& console, const std::string& text) {
  const auto done = console.print(text);
  return done ? 0 : console.fail(done.error());
}

int export_trials(const TuneOptions& options, const Console& console) {
  if (options.schema) return finish(console, std::string(trial_schema()));
  auto database = open_to_read(options.db.empty() ? tuning_db_file() : std::filesystem::path(options.db), &console);
  if (!database) return console.fail(database.error());
  std::string lines;
  const auto count = database->export_lines(lines);
  if (!count) return console.fail(count.error());
  if (options.output.empty()) return finish(console, lines);
  if (const auto written = write_file(options.output, lines); !written) return console.fail(written.error());
  return finish(console, fmt::format("{} trials written to {}\n", *count, options.output));
}

int import_trials(const TuneOptions& options, const Console& console) {
  std::string text;
  for (const std::string& file : options.files) {
    const auto bytes = read_file(file);
    if (!bytes) return console.fail(bytes.error());
    text.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    if (!text.empty() && text.back() != '\n') text += '\n';
  }
  auto database = open_to_write(console);
  if (!database) return console.fail(database.error());
  const auto taken = database->import_lines(text);
  if (!taken) return console.fail(taken.error());
  return report_taken(options, console, *taken);
}

int merge(const TuneOptions& options, const Console& console) {
  // All are opened before one is merged: a file that is no database stops the command before anything has changed.
  std::vector<TuningDb> others;
  for (const std::string& file : options.files) {
    auto other = TuningDb::open_copy(file, [&console](const std::string& line) { console.note(line); });
    if (!other) {
      Error error = other.error();
      if (error.code == ErrorCode::not_found) error = invalid(fmt::format("there is no file '{}'", file));
      return console.fail(error);
    }
    others.push_back(std::move(*other));
  }
  auto database = open_to_write(console);
  if (!database) return console.fail(database.error());
  int taken = 0;
  for (TuningDb& other : others) {
    const auto merged = database->merge(other);
    if (!merged) return console.fail(merged.error());
    taken += *merged;
  }
  return report_taken(options, console, taken);
}

}  // namespace fftconv::tools
