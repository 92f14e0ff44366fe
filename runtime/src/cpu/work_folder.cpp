#include "cpu/work_folder.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace fftconv {

namespace fs = std::filesystem;

Result<WorkFolder> WorkFolder::make() {
  std::string pattern = "/tmp/fftconv-kernel-XXXXXX";
  if (!mkdtemp(pattern.data())) {  // with mode 0700
    return Error{ErrorCode::io,
                 fmt::format("No private folder could be made in /tmp ({}): make room there.", strerror(errno))};
  }
  return WorkFolder(std::move(pattern));
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<void> WorkFolder::write(std::string_view name, std::string_view text) const {
  std::ofstream out(file(name), std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size())).flush();
  if (!out) return Error{ErrorCode::io, fmt::format("{} cannot be written: make room in /tmp.", file(name))};
  return {};
}

Result<std::vector<std::byte>> WorkFolder::read(std::string_view name, std::size_t most) const {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(file(name), error);
  const auto bytes = fs::is_regular_file(status) ? fs::file_size(file(name), error) : 0;
  if (error || bytes == 0 || bytes > most) {
    return Error{ErrorCode::io, fmt::format("{} is missing, empty or larger than {} bytes.", name, most)};
  }
  std::vector<std::byte> content(bytes);
  std::ifstream in(file(name), std::ios::binary);
  in.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(bytes));
  if (!in) return Error{ErrorCode::io, fmt::format("{} cannot be read.", name)};
  return content;
}

}  // namespace fftconv
