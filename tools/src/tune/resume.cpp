// resume: goes on with the latest sweep that was cut off.
#include "fftconv/settings.h"
#include "tune/commands.h"
#include "tune/sweep_record.h"

namespace fftconv::tools {

int resume(const TuneOptions& options, const Console& console) {
  if (settings().launcher.size > 1) {
    return console.fail(
        invalid("resume goes on in one process; give several ranks the same sweep command again, which "
                "repeats nothing that is known"));
  }
  const auto found = find_cut_off(console);
  if (!found) return console.fail(found.error());
  const std::optional<SweepNote>& note = *found;
  if (!note) {
    console.note("no sweep was cut off: there is nothing to resume");
    return 0;
  }
  auto asked = parse_sweep_arguments(note->arguments);
  if (!asked) return console.fail(asked.error());
  asked->json = options.json;
  asked->details = options.details;
  asked->resumed = note->id;
  apply_settings(asked->machine);
  return sweep(*asked, console);
}

}  // namespace fftconv::tools
