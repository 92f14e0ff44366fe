// TuningDb: every candidate ever tried, keyed by environment, problem and candidate. Winners are a query.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fftconv/environment.h"
#include "fftconv/kernel_config.h"
#include "fftconv/measurement.h"
#include "fftconv/problem.h"
#include "fftconv/result.h"

namespace fftconv {

/// Receives one line per event worth telling (a database set aside, WAL refused …). May be empty.
using LogCallback = std::function<void(const std::string& line)>;

struct Trial {
  Environment environment;
  Problem problem;
  KernelConfig config;
  Measurement measurement;
  double predicted_s = 0;      ///< what the cost model said of it when it was tried; 0 = not predicted
  std::int64_t unix_time = 0;  ///< seconds, when it was stored
};

/// How thoroughly a problem was searched in an environment.
struct SearchRecord {
  std::string rigor;  ///< "measure", "patient", "exhaustive"
  double budget_s = 0;
  int candidates = 0;  ///< in the space
  int measured = 0;
  bool complete = false;
  int compiled = 0;
  std::string refused;  ///< why combinations are not in the space: lines "<count> <sentence>"
  std::string first;    ///< config that the model ranked first
};

/// A sweep that was begun and not ended: it was cut off, or runs at this moment.
struct SweepNote {
  std::int64_t id = 0;
  std::string arguments;     ///< what was asked, one `key=value` a line
  std::int64_t started = 0;  ///< seconds since 1970
};

/// Where a choice came from, best first.
enum class Provenance {
  exact,            ///< measured here: same environment, same problem
  other_toolchain,  ///< same device under another driver or compiler
  nearest_size,     ///< same device, nearest length; mode, precision, direction and sparsity equal
  same_arch,        ///< another device of the same architecture
  cost_model,
  plain_default,
};
const char* to_string(Provenance provenance);

struct Choice {
  KernelConfig config;
  Provenance provenance = Provenance::plain_default;
  double seconds = 0;       ///< median measured (of the trial it rests on, at that trial's size), 0 where nothing was
  std::string explanation;  ///< one sentence that names the trial it rests on
};

/// One SQLite file (STRICT tables, application_id, user_version; WAL where one host alone has the file system, else
/// DELETE). A damaged file or one from a later version is set aside under another name, and work goes on in a new
/// one; if not even that is possible (read-only home, full disk), in memory. Every such event is logged. An invalid
/// row is a miss. An object is for one thread at a time; any number of objects and processes may have the file open.
class TuningDb {
 public:
  /// Opens or creates `file`; an empty path means in memory. `read_only` neither creates nor writes.
  static Result<TuningDb> open(const std::filesystem::path& file, LogCallback log = {}, bool read_only = false);
  /// Reads a private copy of `file` as it stands now, for merge(): the file may belong to anybody and lie anywhere,
  /// may be in use by other processes (not by this one), and is neither locked nor changed. Every page is checked,
  /// every row when it is read. Errors: not_found, damaged, unsupported (a later version), busy (written all the
  /// time), io.
  static Result<TuningDb> open_copy(const std::filesystem::path& file, LogCallback log = {});
  /// A read-only database in memory made of exported lines (see open_shipped()); what is no trial is logged.
  static Result<TuningDb> open_lines(std::span<const std::string_view> lines, LogCallback log = {});
  TuningDb(TuningDb&&) noexcept;
  TuningDb& operator=(TuningDb&&) noexcept;
  ~TuningDb();

  /// Stores a trial; a second one with the same key replaces the first, and never bears an earlier time than it (so
  /// that it wins in merges also where the clock was set back). Durable when it returns.
  Result<void> put(const Trial& trial);
  Result<void> put_search(const Environment& environment, const Problem& problem, const SearchRecord& record);

  /// Notes that a sweep begins, so that it can be taken up again where the process ends before end_sweep().
  Result<std::int64_t> begin_sweep(const std::string& arguments);
  Result<void> end_sweep(std::int64_t id);
  /// The latest sweep that was not ended, of those with a number below `before`. It may still be running.
  std::optional<SweepNote> unfinished_sweep(std::int64_t before = INT64_MAX);

  std::optional<Trial> find(const Environment& environment, const Problem& problem, const KernelConfig& config);
  std::optional<SearchRecord> find_search(const Environment& environment, const Problem& problem);
  /// All trials of a problem in an environment, fastest first, failed ones last.
  std::vector<Trial> trials(const Environment& environment, const Problem& problem);
  /// Sound trials that have a time, for a calibration; newest first, at most `limit`. They are of the environment's
  /// device (with its sm_count and l2_bytes: one thread says nothing of two) and policy. All trials of a problem are
  /// of one environment, so that times under several drivers, compilers or generators never stand side by side: of
  /// `environment` itself or else the one nearest to it (generator before compiler before driver, then the newest)
  /// that has eight trials of the problem; where none has, of the nearest that has any. Farther ones are read only
  /// where nearer ones leave room.
  std::vector<Trial> recent_trials(const Environment& environment, int limit);
  /// Grows with every trial that is stored.
  std::int64_t last_trial();
  /// Everything, for export, merge and reports. Return false from `visit` to stop.
  Result<void> for_each(const std::function<bool(const Trial&)>& visit);

  /// Fastest measured candidate by the fallbacks of Provenance down to same_arch, checked by `legal`.
  /// Where the nearest size was measured, its config is taken over only if `adapt` turns it into a legal one.
  std::optional<Choice> choose(const Environment& environment, const Problem& problem,
                               const std::function<std::optional<KernelConfig>(const KernelConfig&)>& adapt);

  /// Adds all trials of another database; on equal keys the later one wins. Idempotent, order-independent. Counts
  /// the trials that were new here or replaced an older one. A damaged file is refused before anything is added;
  /// a row of it that is not sound is left out and logged. Errors: damaged, busy, io.
  Result<int> merge(TuningDb& other);
  /// JSON lines, one trial a line, sorted; import is the inverse (a merge) and counts the trials that it read. Lines
  /// that are no trial are logged and left out; a text without a single trial is invalid_argument.
  Result<int> export_lines(std::string& out);
  Result<int> import_lines(const std::string& text);

  bool in_memory() const;
  const std::filesystem::path& file() const;

 private:
  struct State;
  explicit TuningDb(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Default directory of both databases: FFTCONV_CACHE_DIR, else $XDG_CACHE_HOME/fftconv, else ~/.cache/fftconv.
/// (The environment is read by runtime/settings; this takes what was read.)
std::filesystem::path default_cache_directory(const std::string& override_dir);

}  // namespace fftconv
