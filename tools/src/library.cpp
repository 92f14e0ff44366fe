#include "library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "fftconv/settings.h"

extern char** environ;

namespace fftconv::tools {
namespace {

namespace fs = std::filesystem;

/// Folders directly below `folder`, the last by name first: of several versions the newest.
std::vector<fs::path> folders_below(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    if (it->is_directory(ignored)) found.push_back(it->path());
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

}  // namespace

Result<Library> Library::open(std::span<const std::string> names, const std::string& purpose) {
  // Stays loaded: NVIDIA's libraries carry a C++ runtime of their own, which keeps its memory when it is unloaded.
  for (const std::string& name : names) {
    if (void* const handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) {
      return Library(std::shared_ptr<void>(handle, [](void* open) { ::dlclose(open); }), name);
    }
  }
  return Error{ErrorCode::dependency_missing,
               fmt::format("{} cannot be opened; {}", names.empty() ? "no library" : names.front(), purpose)};
}

void* Library::address(const char* symbol) const { return ::dlsym(handle_.get(), symbol); }

std::vector<std::string> fftw_names() { return {"libfftw3f.so.3"}; }

std::vector<std::string> cufft_names() {
  return {"libcufft.so.12", "libcufft.so.11", "libcufft.so", "/usr/local/cuda/lib64/libcufft.so"};
}

std::optional<std::filesystem::path> find_program(const std::string& name) {
  const char* const path = std::getenv("PATH");
  const std::string listed = path == nullptr ? "" : path;
  std::vector<fs::path> folders;
  for (std::size_t at = 0; at <= listed.size();) {
    const std::size_t end = std::min(listed.find(':', at), listed.size());
    folders.emplace_back(listed.substr(at, end - at));
    at = end + 1;
  }
  folders.emplace_back("/usr/local/cuda/bin");
  for (const fs::path& toolkit : folders_below("/usr/local")) {
    if (toolkit.filename().string().starts_with("cuda-")) folders.push_back(toolkit / "bin");
  }
  for (const fs::path& python : folders_below(private_venv() / "lib")) {
    for (const fs::path& wheel : folders_below(python / "site-packages/nvidia")) folders.push_back(wheel / "bin");
  }
  std::error_code ignored;
  for (const fs::path& folder : folders) {
    const fs::path file = folder / name;
    if (file.is_absolute() && fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return std::nullopt;
}

Result<std::string> run_program(const std::vector<std::string>& argv) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return Error{ErrorCode::io, fmt::format("a pipe cannot be made: {}", std::strerror(errno))};
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int code = ::posix_spawn(&child, argv[0].c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  std::string text;
  std::array<char, 4096> block{};
  while (code == 0) {
    const ssize_t n = ::read(pipe[0], block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(n));
  }
  ::close(pipe[0]);
  if (code != 0) return Error{ErrorCode::io, fmt::format("'{}' cannot be started: {}", argv[0], std::strerror(code))};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Error{ErrorCode::internal, fmt::format("'{}' failed: {}", argv[0], text.substr(0, 400))};
  }
  return text;
}

}  // namespace fftconv::tools
