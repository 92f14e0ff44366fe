// Trials as rows: the tables, the way in, and the checked way out.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fftconv/tuning_db.h"
#include "sqlite.h"

namespace fftconv {

/// Statements that create tuning.db.
std::span<const std::string_view> tuning_schema();
/// Walks of IndexCheck over its tables.
std::span<const std::string_view> tuning_index_walks();
/// The n-th entry makes version n + 2 of version n + 1.
std::span<const std::span<const std::string_view>> tuning_migrations();

/// Columns of a trial in the order that read_trial() expects.
#define FFTCONV_TRIAL_COLUMNS                                                                                 \
  "id, config, status, reason, samples, lower_quartile, median, upper_quartile, error, clock_hz, throttled, " \
  "registers, spill_bytes, compile_s, unix_time, checksum, predicted_s"

/// The winner and those after it, each one step along an index that holds nothing else.
inline constexpr std::string_view best_trials_sql =
    "SELECT " FFTCONV_TRIAL_COLUMNS
    " FROM trial WHERE problem=? AND environment=? AND status='measured' AND error>=0 ORDER BY median";
inline constexpr std::string_view find_trial_sql =
    "SELECT " FFTCONV_TRIAL_COLUMNS " FROM trial WHERE problem=? AND environment=? AND config=?";

/// The latest trials of an environment with their problems' texts, newest first.
inline constexpr std::string_view recent_trials_sql =
    "SELECT " FFTCONV_TRIAL_COLUMNS
    ", (SELECT text FROM problem WHERE problem.id=trial.problem) FROM trial INDEXED BY trial_environment WHERE "
    "environment=? AND status IN ('measured','dropped') AND median>0 ORDER BY id DESC LIMIT ?";

/// What two problems must share for a trial of one to say something about the other: mode, types, precision,
/// direction, gates and sparsity, as text.
std::string family_of(const Problem& problem);

/// Why a trial cannot be stored: not-a-number, a problem or config whose text does not parse, …
Result<void> check_trial(const Trial& trial);
Result<void> check_measurement(const Measurement& measurement);

/// Row numbers; 0 where there is no such row.
Result<std::int64_t> find_environment(sqlite::Connection& db, const Environment& environment);
Result<std::int64_t> find_problem(sqlite::Connection& db, const Problem& problem);
/// The same, made where missing. For use in a transaction.
Result<std::int64_t> make_environment(sqlite::Connection& db, const Environment& environment);
Result<std::int64_t> make_problem(sqlite::Connection& db, const Problem& problem);

/// All environments by row number.
Result<std::map<std::int64_t, Environment>> all_environments(sqlite::Connection& db);

/// Inserts or replaces. For use in a transaction.
Result<void> put_trial(sqlite::Connection& db, const Trial& trial);

/// The row that `query` stands on. Its checksum covers the texts of environment and problem too, so that a row that
/// points to the wrong one is found out. Errors: damaged, with what is wrong.
Result<Trial> read_trial(const sqlite::Query& query, const Environment& environment, const Problem& problem,
                         const std::string& problem_text);

/// The stored trial of this key, if there is a sound one; `complain` hears of an unsound one.
Result<std::optional<Trial>> find_trial(sqlite::Connection& db, const Environment& environment,
                                        const Problem& problem, const std::string& config_text,
                                        const std::function<void(const std::string&)>& complain);

/// Every sound trial of the file in the order of storing, until `visit` returns false.
Result<void> visit_trials(sqlite::Connection& db, const std::function<bool(const Trial&)>& visit,
                          const std::function<void(const std::string&)>& complain);

/// 64 bits over everything that a row says.
std::int64_t checksum_of(const Trial& trial, const std::string& problem_text, const std::string& config_text);

}  // namespace fftconv
