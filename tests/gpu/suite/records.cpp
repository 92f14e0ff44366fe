#include "suite/records.h"

#include <fmt/format.h>

#include <fstream>

namespace fftconv::gpu_suite {

namespace fs = std::filesystem;

Records::Records(const fs::path& folder, const std::string& section) : file_(folder / (section + ".jsonl")) {}

Result<void> Records::append(const Json& line) {
  std::ofstream out(file_, std::ios::app);
  out << line.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n' << std::flush;
  if (out) return {};
  return Error{ErrorCode::io, fmt::format("Cannot write {}: give another --out.", file_.string())};
}

Result<void> Records::begin(const std::string& case_name) { return append({{"begin", case_name}}); }

Result<void> Records::end(const Json& record) { return append(record); }

Result<void> Records::cut(const std::string& case_name) { return append({{"cut", case_name}}); }

std::vector<Json> Records::read() const {
  std::vector<Json> records;
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);) {
    Json record = Json::parse(line, nullptr, false);  // a line cut short by a kill is no record
    if (record.is_object() && record.contains("case")) records.push_back(std::move(record));
  }
  return records;
}

std::string Records::unfinished() const {
  std::string name;
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);) {
    const Json record = Json::parse(line, nullptr, false);
    if (!record.is_object()) continue;
    if (record.contains("begin")) name = record["begin"].get<std::string>();
    if (record.contains("case") || record.contains("cut")) name.clear();
  }
  return name;
}

std::uintmax_t Records::size() const {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(file_, error);
  return error ? 0 : bytes;
}

Json failure(const std::string& case_name, const std::string& status, const std::string& reason) {
  return {{"case", case_name}, {"status", status}, {"reason", reason}};
}

bool is_bad(const Json& record) {
  const std::string status = record.value("status", "failed");
  return status != "ok" && status != "skipped";
}

Result<void> write_file(const fs::path& file, const std::string& text) {
  const fs::path temporary = file.string() + ".new";
  {
    std::ofstream out(temporary);
    out << text << std::flush;
    if (!out) return Error{ErrorCode::io, fmt::format("Cannot write {}: give another --out.", file.string())};
  }
  std::error_code error;
  fs::rename(temporary, file, error);
  if (error) return Error{ErrorCode::io, fmt::format("Cannot write {} ({}).", file.string(), error.message())};
  return {};
}

}  // namespace fftconv::gpu_suite
