// Search records as rows.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fftconv/tuning_db.h"
#include "sqlite.h"

namespace fftconv {

struct SearchRow {
  Environment environment;
  Problem problem;
  SearchRecord record;
  std::int64_t unix_time = 0;
};

Result<void> check_search(const SearchRow& row);
std::int64_t checksum_of(const SearchRow& row);

/// Inserts or replaces. For use in a transaction.
Result<void> put_search_row(sqlite::Connection& db, const SearchRow& row);
Result<std::optional<SearchRow>> find_search_row(sqlite::Connection& db, const Environment& environment,
                                                 const Problem& problem,
                                                 const std::function<void(const std::string&)>& complain);
/// Every sound record of the file.
Result<std::vector<SearchRow>> all_search_rows(sqlite::Connection& db,
                                               const std::function<void(const std::string&)>& complain);

}  // namespace fftconv
