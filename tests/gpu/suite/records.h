// Results on disk: one file of JSON lines for each section, appended to and flushed after every case, so that nothing
// is lost when the program is killed.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::gpu_suite {

using Json = nlohmann::ordered_json;

/// "case" and "status" are set in every record. Status: ok, wrong, failed, crashed, hung, skipped.
class Records {
 public:
  Records(const std::filesystem::path& folder, const std::string& section);

  /// Notes which case is about to run; what follows is blamed on it.
  Result<void> begin(const std::string& case_name);
  Result<void> end(const Json& record);
  /// The case that began last was cut off by the budget: it has no record, and is not to blame for what follows.
  Result<void> cut(const std::string& case_name);

  std::vector<Json> read() const;  ///< finished cases
  std::string unfinished() const;  ///< the case that began last and has no record, or empty
  std::uintmax_t size() const;     ///< bytes of the file
  const std::filesystem::path& file() const { return file_; }

 private:
  Result<void> append(const Json& line);
  std::filesystem::path file_;
};

Json failure(const std::string& case_name, const std::string& status, const std::string& reason);
bool is_bad(const Json& record);

/// Writes through a temporary file, so that a reader never sees half of it.
Result<void> write_file(const std::filesystem::path& file, const std::string& text);

}  // namespace fftconv::gpu_suite
