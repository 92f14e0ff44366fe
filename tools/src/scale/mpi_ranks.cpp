#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <vector>

#include "fftconv/settings.h"
#include "scale/mpi_abi.h"
#include "scale/ranks.h"

namespace fftconv::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libfftconv_mpi.so";

Error missing(const std::string& why) {
  return {ErrorCode::dependency_missing,
          fmt::format("the MPI component {}; install an MPI (libopenmpi-dev) and build again, or name the file in "
                      "FFTCONV_MPI; without MPI, --shard i/n divides a sweep among processes",
                      why)};
}

void append(void* user, const char* data, std::size_t size) { static_cast<std::string*>(user)->append(data, size); }

class MpiRanks final : public Ranks {
 public:
  MpiRanks(const fftconv_mpi_functions& functions, int rank, int size)
      : functions_(functions), rank_(rank), size_(size) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  Result<void> send(int to, const std::string& text) override {
    std::string error;
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
      return invalid("a message of more than 2 GiB cannot be sent");
    }
    if (functions_.send(to, text.data(), text.size(), append, &error) == 0) return {};
    return Error{ErrorCode::io, fmt::format("MPI could not send to rank {}: {}", to, error)};
  }
  Result<std::optional<Letter>> receive() override {
    Letter letter;
    std::string error;
    if (functions_.receive(&letter.from, append, &letter.text, append, &error) != 0) {
      return Error{ErrorCode::io, "MPI could not receive: " + error};
    }
    if (letter.from < 0) return std::optional<Letter>();
    return std::optional<Letter>(std::move(letter));
  }
  std::size_t pending() override { return functions_.pending(); }
  void leave(bool together) override { functions_.leave(together ? 1 : 0); }

 private:
  const fftconv_mpi_functions& functions_;
  int rank_;
  int size_;
};

std::vector<fs::path> places() {
  const std::string& chosen = settings().mpi_component;
  if (!chosen.empty()) return {chosen};
  std::error_code ignored;
  const fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  return {here / kLibrary, here / ".." / "lib" / kLibrary, kLibrary};
}

Result<const fftconv_mpi_functions*> load() {
  if (settings().mpi_component == "off") return missing("is switched off by FFTCONV_MPI=off");
  std::string reason;
  for (const fs::path& place : places()) {
    std::error_code ignored;
    const bool bare = !place.has_parent_path();
    if (!bare && !fs::exists(place, ignored)) continue;
    // MPI libraries open plug-ins of their own that look for MPI's symbols; those name the library that they need.
    void* const library = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      const char* const said = ::dlerror();
      reason = said != nullptr ? said : "no reason given";
      continue;
    }
    const auto entry = reinterpret_cast<fftconv_mpi_entry>(::dlsym(library, FFTCONV_MPI_ENTRY));
    const fftconv_mpi_functions* const functions = entry != nullptr ? entry() : nullptr;
    if (functions != nullptr && functions->abi == FFTCONV_MPI_ABI) return functions;
    return missing(fmt::format("{} belongs to another version of fftconv", place.string()));
  }
  return missing(reason.empty() ? fmt::format("is not at {}", settings().mpi_component)
                                : fmt::format("cannot be opened ({})", reason));
}

}  // namespace

std::optional<fs::path> find_mpi() {
  if (settings().mpi_component == "off") return std::nullopt;
  for (const fs::path& place : places()) {
    std::error_code ignored;
    if (place.has_parent_path() && fs::is_regular_file(place, ignored)) return fs::canonical(place, ignored);
  }
  return std::nullopt;
}

Result<std::unique_ptr<Ranks>> open_mpi() {
  const auto functions = load();
  if (!functions) return functions.error();
  int rank = 0, size = 0;
  std::string error;
  if ((*functions)->start(&rank, &size, append, &error) != 0) return missing("does not start: " + error);
  return std::unique_ptr<Ranks>(std::make_unique<MpiRanks>(**functions, rank, size));
}

}  // namespace fftconv::tools
