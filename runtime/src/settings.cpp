#include "fftconv/settings.h"

#include <cstdlib>

namespace fftconv {
namespace {

std::string read(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Settings read_environment() {
  return {.cache_dir = read("FFTCONV_CACHE_DIR"),
          .nvrtc = read("FFTCONV_NVRTC"),
          .venv = read("FFTCONV_VENV"),
          .llvm_component = read("FFTCONV_LLVM"),
          .cuda_driver = read("FFTCONV_LIBCUDA"),
          .capture = read("FFTCONV_CAPTURE"),
          .device = read("FFTCONV_DEVICE"),
          .worker = read("FFTCONV_WORKER")};
}

Settings& stored() {
  static Settings settings = read_environment();
  return settings;
}

}  // namespace

const Settings& settings() { return stored(); }

void set_settings(const Settings& settings) { stored() = settings; }

std::filesystem::path private_venv() {
  if (!settings().venv.empty()) return settings().venv;
  const std::string home = read("HOME");
  return std::filesystem::path(home.empty() ? "/root" : home) / ".local/share/fftconv/venv";
}

}  // namespace fftconv
