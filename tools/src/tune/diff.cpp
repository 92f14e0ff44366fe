// diff: what became faster or slower from one database to another.
#include "diff/diff.h"

#include "recorded.h"
#include "tune/commands.h"

namespace fftconv::tools {
namespace {

Result<std::vector<Trial>> trials_in(const std::string& file, const Console& console) {
  auto database = open_recorded(file, console);
  if (!database) return database.error();
  return all_trials(*database);
}

}  // namespace

int diff(const TuneOptions& options, const Console& console) {
  const auto before = trials_in(options.files[0], console);
  if (!before) return console.fail(before.error());
  const auto after = trials_in(options.files[1], console);
  if (!after) return console.fail(after.error());
  const Diff result = diff_of(*before, *after);
  const int status = finish(console, options.json ? dump(diff_json(result)) : diff_text(result));
  return status == 0 && options.fail_on_slower && result.count(Verdict::slower) > 0 ? 1 : status;
}

}  // namespace fftconv::tools
