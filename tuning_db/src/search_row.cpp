#include "search_row.h"

#include <fmt/format.h>

#include <cmath>

#include "checksum.h"
#include "trial_row.h"

namespace fftconv {
namespace {

#define FFTCONV_SEARCH_COLUMNS \
  "rigor, budget_s, candidates, measured, complete, unix_time, checksum, compiled, refused, first"

// FFTCONV_SEARCH_COLUMNS from `first` on.
Result<SearchRow> read_search(const sqlite::Query& query, int first, const Environment& environment,
                              const Problem& problem) {
  SearchRow row;
  row.environment = environment;
  row.problem = problem;
  row.unix_time = query.integer(first + 5);
  row.record.rigor = query.text(first);
  row.record.budget_s = query.real(first + 1);
  row.record.candidates = static_cast<int>(query.integer(first + 2));
  row.record.measured = static_cast<int>(query.integer(first + 3));
  row.record.complete = query.integer(first + 4) != 0;
  row.record.compiled = static_cast<int>(query.integer(first + 7));
  row.record.refused = query.text(first + 8);
  row.record.first = query.text(first + 9);
  if (query.integer(first + 6) != checksum_of(row))
    return Error{ErrorCode::damaged, "its checksum does not match its content"};
  return row;
}

}  // namespace

Result<void> check_search(const SearchRow& row) {
  if (!std::isfinite(row.record.budget_s)) return invalid("the budget of a search is not a finite number");
  auto problem = parse_problem(to_string(row.problem));
  return problem ? Result<void>() : Result<void>(problem.error());
}

std::int64_t checksum_of(const SearchRow& row) {
  const SearchRecord& r = row.record;
  Checksum sum;
  sum.add(to_string(row.environment)).add(to_string(row.problem)).add(r.rigor).add(r.budget_s);
  sum.add(r.candidates).add(r.measured).add(static_cast<int>(r.complete)).add(row.unix_time);
  if (r.compiled != 0 || !r.refused.empty() || !r.first.empty()) sum.add(r.compiled).add(r.refused).add(r.first);
  return sum.value();
}

Result<void> put_search_row(sqlite::Connection& db, const SearchRow& row) {
  auto environment = make_environment(db, row.environment);
  if (!environment) return environment.error();
  auto problem = make_problem(db, row.problem);
  if (!problem) return problem.error();
  const SearchRecord& r = row.record;
  return db
      .query(
          "INSERT OR REPLACE INTO search(problem, environment, rigor, budget_s, candidates, measured, complete, "
          "unix_time, checksum, compiled, refused, first) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(*problem, *environment, r.rigor, r.budget_s, r.candidates, r.measured, r.complete, row.unix_time,
            checksum_of(row), r.compiled, r.refused, r.first)
      .run();
}

Result<std::optional<SearchRow>> find_search_row(sqlite::Connection& db, const Environment& environment,
                                                 const Problem& problem,
                                                 const std::function<void(const std::string&)>& complain) {
  auto environment_row = find_environment(db, environment);
  if (!environment_row) return environment_row.error();
  auto problem_row = find_problem(db, problem);
  if (!problem_row) return problem_row.error();
  auto query = db.query("SELECT " FFTCONV_SEARCH_COLUMNS " FROM search WHERE problem=? AND environment=?");
  auto row = query.bind(*problem_row, *environment_row).next();
  if (!row) return row.error();
  if (!*row) return std::optional<SearchRow>();
  auto search = read_search(query, 0, environment, problem);
  if (search) return std::optional<SearchRow>(std::move(*search));
  complain(fmt::format("search record of {} counts as a miss: {}", to_string(problem), search.error().message));
  return std::optional<SearchRow>();
}

Result<std::vector<SearchRow>> all_search_rows(sqlite::Connection& db,
                                               const std::function<void(const std::string&)>& complain) {
  auto environments = all_environments(db);
  if (!environments) return environments.error();
  std::vector<SearchRow> all;
  auto query = db.query("SELECT search.environment, problem.text, " FFTCONV_SEARCH_COLUMNS
                        " FROM search JOIN problem ON problem.id=search.problem");
  for (;;) {
    auto row = query.next();
    if (!row) return row.error();
    if (!*row) return all;
    auto environment = environments->find(query.integer(0));
    auto problem = parse_problem(query.text(1));
    if (environment == environments->end() || !problem) {
      complain(fmt::format("search record of {} counts as a miss: its key is damaged", query.text(1)));
      continue;
    }
    auto search = read_search(query, 2, environment->second, *problem);
    if (search)
      all.push_back(std::move(*search));
    else
      complain(fmt::format("search record of {} counts as a miss: {}", query.text(1), search.error().message));
  }
}

}  // namespace fftconv
