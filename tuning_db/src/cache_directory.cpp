#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "fftconv/tuning_db.h"

namespace fftconv {

std::filesystem::path default_cache_directory(const std::string& override_dir) {
  if (!override_dir.empty()) return override_dir;
  // The base directory specification says to ignore relative paths.
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && xdg[0] == '/')
    return std::filesystem::path(xdg) / "fftconv";
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/')
    return std::filesystem::path(home) / ".cache" / "fftconv";
  if (const passwd* user = getpwuid(geteuid()); user != nullptr && user->pw_dir != nullptr)
    return std::filesystem::path(user->pw_dir) / ".cache" / "fftconv";
  return {};  // no home at all: databases in memory
}

}  // namespace fftconv
