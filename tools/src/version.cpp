#include "version.h"

#include <fmt/format.h>

#include "fftconv/kernel_source.h"

namespace fftconv::tools {

const char* version() { return FFTCONV_VERSION; }

std::string version_text(const std::string& tool) {
  return fmt::format("{} {} (generator {})\n", tool, version(), generator_digest().substr(0, 12));
}

}  // namespace fftconv::tools
