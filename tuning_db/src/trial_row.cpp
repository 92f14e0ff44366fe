#include "trial_row.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "checksum.h"
#include "names.h"

namespace fftconv {
namespace {

static_assert(std::endian::native == std::endian::little, "samples are stored little-endian");

std::vector<std::byte> pack(const std::vector<double>& samples) {
  std::vector<std::byte> bytes(samples.size() * sizeof(double));
  if (!samples.empty()) std::memcpy(bytes.data(), samples.data(), bytes.size());
  return bytes;
}

std::vector<double> unpack(std::span<const std::byte> bytes) {
  std::vector<double> samples(bytes.size() / sizeof(double));
  if (!samples.empty()) std::memcpy(samples.data(), bytes.data(), samples.size() * sizeof(double));
  return samples;
}

Error unsound(std::string what) { return {ErrorCode::damaged, std::move(what)}; }

}  // namespace

std::string family_of(const Problem& problem) {
  std::string kept;
  for (std::uint64_t mask : problem.kept) kept += fmt::format("-{:x}", mask);
  return fmt::format("{}/io-{}/{}/{}/gates{:d}{:d}{:d}{}/kept{}", to_string(problem.mode), to_string(problem.io),
                     to_string(problem.precision), to_string(problem.direction), problem.pregate, problem.postgate,
                     problem.skip, problem.carry ? "/carry" : "", kept);
}

Result<void> check_measurement(const Measurement& measurement) {
  const Measurement& m = measurement;
  for (double value : {m.lower_quartile, m.median, m.upper_quartile, m.clock_hz, m.compile_s})
    if (!std::isfinite(value) || value < 0) return invalid("a time or clock of the trial is not a number from 0 up");
  for (double sample : m.samples)
    if (!std::isfinite(sample)) return invalid("a sample of the trial is not a finite number");
  if (std::isnan(m.error))
    return invalid("the error of the trial is not a number; infinity says that outputs are not");
  if (m.status == TrialStatus::measured && !(m.median > 0))
    return invalid("a measured trial needs a median above 0 s");
  if (static_cast<unsigned>(m.status) > static_cast<unsigned>(TrialStatus::crashed))
    return invalid("the status of the trial is none that is known");
  return {};
}

Result<void> check_trial(const Trial& trial) {
  if (auto fine = check_measurement(trial.measurement); !fine) return fine;
  if (!std::isfinite(trial.predicted_s) || trial.predicted_s < 0)
    return invalid("the predicted time of the trial is not a number from 0 up");
  if (auto problem = parse_problem(to_string(trial.problem)); !problem) return problem.error();
  if (auto config = parse_config(to_string(trial.config)); !config) return config.error();
  return {};
}

std::int64_t checksum_of(const Trial& trial, const std::string& problem_text, const std::string& config_text) {
  const Measurement& m = trial.measurement;
  Checksum sum;
  sum.add(to_string(trial.environment)).add(problem_text).add(config_text).add(to_string(m.status)).add(m.reason);
  sum.add(m.samples.size());
  for (double sample : m.samples) sum.add(sample);
  for (double value : {m.lower_quartile, m.median, m.upper_quartile, m.error, m.clock_hz, m.compile_s})
    sum.add(value);
  sum.add(m.throttled).add(m.registers).add(m.spill_bytes).add(trial.unix_time);
  if (trial.predicted_s != 0) sum.add(trial.predicted_s);
  return sum.value();
}

Result<std::int64_t> find_environment(sqlite::Connection& db, const Environment& e) {
  auto query = db.query(
      "SELECT id FROM environment WHERE device=? AND kind=? AND arch=? AND sm_count=? AND l2_bytes=? AND driver=? "
      "AND "
      "compiler=? AND generator_digest=? AND policy=?");
  auto row = query
                 .bind(e.device, e.kind, e.arch, e.sm_count, std::int64_t{e.l2_bytes}, e.driver, e.compiler,
                       e.generator_digest, e.policy)
                 .next();
  if (!row) return row.error();
  return *row ? query.integer(0) : std::int64_t{0};
}

Result<std::int64_t> find_problem(sqlite::Connection& db, const Problem& problem) {
  auto query = db.query("SELECT id FROM problem WHERE text=?");
  auto row = query.bind(to_string(problem)).next();
  if (!row) return row.error();
  return *row ? query.integer(0) : std::int64_t{0};
}

Result<std::int64_t> make_environment(sqlite::Connection& db, const Environment& e) {
  auto found = find_environment(db, e);
  if (!found || *found != 0) return found;
  auto done = db.query(
                    "INSERT INTO environment(device, kind, arch, sm_count, l2_bytes, driver, compiler, "
                    "generator_digest, policy) VALUES(?,?,?,?,?,?,?,?,?)")
                  .bind(e.device, e.kind, e.arch, e.sm_count, std::int64_t{e.l2_bytes}, e.driver, e.compiler,
                        e.generator_digest, e.policy)
                  .run();
  if (!done) return done.error();
  return sqlite3_last_insert_rowid(db.handle());
}

Result<std::int64_t> make_problem(sqlite::Connection& db, const Problem& problem) {
  auto found = find_problem(db, problem);
  if (!found || *found != 0) return found;
  auto done = db.query("INSERT INTO problem(text, family, seqlen, rows) VALUES(?,?,?,?)")
                  .bind(to_string(problem), family_of(problem), problem.seqlen, problem.batch * problem.channels)
                  .run();
  if (!done) return done.error();
  return sqlite3_last_insert_rowid(db.handle());
}

Result<std::map<std::int64_t, Environment>> all_environments(sqlite::Connection& db) {
  std::map<std::int64_t, Environment> all;
  auto query = db.query(
      "SELECT id, device, kind, arch, sm_count, l2_bytes, driver, compiler, generator_digest, policy FROM "
      "environment");
  for (;;) {
    auto row = query.next();
    if (!row) return row.error();
    if (!*row) return all;
    Environment e;
    e.device = query.text(1);
    e.kind = query.text(2);
    e.arch = query.text(3);
    e.sm_count = static_cast<int>(query.integer(4));
    e.l2_bytes = query.integer(5);
    e.driver = query.text(6);
    e.compiler = query.text(7);
    e.generator_digest = query.text(8);
    e.policy = query.text(9);
    all.emplace(query.integer(0), std::move(e));
  }
}

Result<void> put_trial(sqlite::Connection& db, const Trial& trial) {
  auto environment = make_environment(db, trial.environment);
  if (!environment) return environment.error();
  auto problem = make_problem(db, trial.problem);
  if (!problem) return problem.error();
  const Measurement& m = trial.measurement;
  std::string config = to_string(trial.config);
  return db
      .query(
          "INSERT OR REPLACE INTO trial(problem, environment, config, status, reason, samples, lower_quartile, "
          "median, "
          "upper_quartile, error, clock_hz, throttled, registers, spill_bytes, compile_s, unix_time, checksum, "
          "predicted_s) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(*problem, *environment, config, to_string(m.status), m.reason, pack(m.samples), m.lower_quartile,
            m.median, m.upper_quartile, m.error, m.clock_hz, m.throttled, m.registers, m.spill_bytes, m.compile_s,
            trial.unix_time, checksum_of(trial, to_string(trial.problem), config), trial.predicted_s)
      .run();
}

Result<Trial> read_trial(const sqlite::Query& query, const Environment& environment, const Problem& problem,
                         const std::string& problem_text) {
  Trial trial;
  trial.environment = environment;
  trial.problem = problem;
  std::string config_text = query.text(1);
  auto config = parse_config(config_text);
  if (!config) return unsound(fmt::format("config \"{}\" does not parse: {}", config_text, config.error().message));
  trial.config = *config;
  Measurement& m = trial.measurement;
  auto status = parse_status(query.text(2));
  if (!status) return unsound(fmt::format("status \"{}\" is none that is known", query.text(2)));
  m.status = *status;
  m.reason = query.text(3);
  if (query.blob(4).size() % sizeof(double) != 0) return unsound("the samples end within a number");
  m.samples = unpack(query.blob(4));
  m.lower_quartile = query.real(5);
  m.median = query.real(6);
  m.upper_quartile = query.real(7);
  m.error = query.real(8);
  m.clock_hz = query.real(9);
  m.throttled = static_cast<int>(query.integer(10));
  m.registers = static_cast<int>(query.integer(11));
  m.spill_bytes = static_cast<int>(query.integer(12));
  m.compile_s = query.real(13);
  trial.unix_time = query.integer(14);
  trial.predicted_s = query.real(16);
  for (int column = 1; column <= 16; ++column)
    if (query.is_null(column)) return unsound("a value is missing");
  if (auto fine = check_measurement(m); !fine) return unsound(fine.error().message);
  if (query.integer(15) != checksum_of(trial, problem_text, config_text))
    return unsound("its checksum does not match its content");
  return trial;
}

Result<std::optional<Trial>> find_trial(sqlite::Connection& db, const Environment& environment,
                                        const Problem& problem, const std::string& config_text,
                                        const std::function<void(const std::string&)>& complain) {
  auto environment_row = find_environment(db, environment);
  if (!environment_row) return environment_row.error();
  auto problem_row = find_problem(db, problem);
  if (!problem_row) return problem_row.error();
  if (*environment_row == 0 || *problem_row == 0) return std::optional<Trial>();
  auto query = db.query(find_trial_sql);
  auto row = query.bind(*problem_row, *environment_row, config_text).next();
  if (!row) return row.error();
  if (!*row) return std::optional<Trial>();
  auto trial = read_trial(query, environment, problem, to_string(problem));
  if (trial && query.text(1) == config_text) return std::optional<Trial>(std::move(*trial));
  complain(fmt::format("trial {} counts as a miss: {}", query.integer(0),
                       trial ? "its key is not the one asked for" : trial.error().message));
  return std::optional<Trial>();
}

Result<void> visit_trials(sqlite::Connection& db, const std::function<bool(const Trial&)>& visit,
                          const std::function<void(const std::string&)>& complain) {
  auto environments = all_environments(db);
  if (!environments) return environments.error();
  struct Known {
    std::string text;
    std::optional<Problem> problem;
  };
  std::map<std::int64_t, Known> problems;
  {
    auto query = db.query("SELECT id, text FROM problem");
    for (;;) {
      auto row = query.next();
      if (!row) return row.error();
      if (!*row) break;
      auto parsed = parse_problem(query.text(1));
      if (!parsed) complain(fmt::format("problem {} counts as a miss: {}", query.integer(0), parsed.error().message));
      problems[query.integer(0)] = {query.text(1), parsed ? std::optional<Problem>(*parsed) : std::nullopt};
    }
  }
  auto query = db.query("SELECT " FFTCONV_TRIAL_COLUMNS ", problem, environment FROM trial NOT INDEXED ORDER BY id");
  for (;;) {
    auto row = query.next();
    if (!row) return row.error();
    if (!*row) return {};
    auto problem = problems.find(query.integer(17));
    auto environment = environments->find(query.integer(18));
    if (problem == problems.end() || !problem->second.problem || environment == environments->end()) {
      complain(fmt::format("trial {} counts as a miss: its problem or environment is not there", query.integer(0)));
      continue;
    }
    auto trial = read_trial(query, environment->second, *problem->second.problem, problem->second.text);
    if (!trial)
      complain(fmt::format("trial {} counts as a miss: {}", query.integer(0), trial.error().message));
    else if (!visit(*trial))
      return {};
  }
}

}  // namespace fftconv
