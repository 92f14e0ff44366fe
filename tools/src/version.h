// What --version says.
#pragma once

#include <string>

namespace fftconv::tools {

/// "0.1.0"
const char* version();
/// "fftconv-tune 0.1.0 (generator 1a2b3c4d5e6f)\n"; loads no library.
std::string version_text(const std::string& tool);

}  // namespace fftconv::tools
