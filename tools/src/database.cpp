#include "database.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <set>
#include <system_error>

#include "fftconv/settings.h"
#include "files.h"

namespace fftconv::tools {
namespace {

namespace fs = std::filesystem;

fs::path database_file(const char* name) {
  const fs::path folder = default_cache_directory(settings().cache_dir);
  return folder.empty() ? fs::path() : folder / name;
}

bool can_write(fs::path path) {
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path.has_parent_path() && path != path.parent_path())
    path = path.parent_path();
  return ::access(path.empty() ? "." : path.c_str(), W_OK) == 0;
}

}  // namespace

fs::path tuning_db_file() { return database_file("tuning.db"); }
fs::path kernels_db_file() { return database_file("kernels.db"); }

Result<TuningDb> open_to_read(const fs::path& file, const Console* console) {
  std::error_code ignored;
  if (file.empty() || !fs::exists(file, ignored)) {
    return Error{ErrorCode::not_found, fmt::format("there is no tuning database {}; run fftconv-tune sweep first, or "
                                                   "give another with --db or --cache-dir",
                                                   quoted(file))};
  }
  // The database keeps the callback: what it writes to must live as long.
  struct Said {
    bool opening = true;
    std::string text;
  };
  const auto said = std::make_shared<Said>();
  auto database = TuningDb::open(
      file,
      [said, console](const std::string& line) {
        if (said->opening) said->text += (said->text.empty() ? "" : "; ") + line;
        if (!said->opening && console != nullptr) console->note(line);
      },
      true);
  said->opening = false;
  if (!database) return database.error();
  if (database->in_memory()) {
    return Error{ErrorCode::damaged, fmt::format("{} cannot be read ({})", quoted(file), said->text)};
  }
  return database;
}

Result<TuningDb> open_to_write(const Console& console) {
  const fs::path file = tuning_db_file();
  auto database = TuningDb::open(file, [&console](const std::string& line) { console.note(line); });
  if (!database) return database.error();
  if (database->in_memory()) {
    return Error{ErrorCode::io,
                 fmt::format("the tuning database {} cannot be written; give --cache-dir with a folder "
                             "that can",
                             quoted(file))};
  }
  return database;
}

DatabaseState look_at_file(const fs::path& file) {
  DatabaseState look{.file = file};
  std::error_code ignored;
  if (file.empty()) {
    look.state = "no home folder: kept in memory, lost with the process";
    return look;
  }
  look.exists = fs::exists(file, ignored);
  look.writable = can_write(file) && can_write(file.parent_path());
  look.bytes = look.exists ? fs::file_size(file, ignored) : 0;
  if (!look.exists) look.state = look.writable ? "will be made when needed" : "cannot be made there";
  return look;
}

DatabaseState look_at_tuning_db(const fs::path& file) {
  DatabaseState look = look_at_file(file);
  if (!look.exists) return look;
  auto database = open_to_read(file, nullptr);
  if (!database) {
    look.state = database.error().message;
    return look;
  }
  int trials = 0;
  std::set<std::string> problems;
  const auto visited = database->for_each([&](const Trial& trial) {
    ++trials;
    problems.insert(to_string(trial.problem));
    return true;
  });
  look.state = visited ? fmt::format("{} trials of {} problems", trials, problems.size()) : visited.error().message;
  return look;
}

}  // namespace fftconv::tools
