#include "fftconv/environment.h"

#include <fmt/format.h>

namespace fftconv {
namespace {

// Keeps the text unambiguous whatever a driver calls itself.
std::string escape(const std::string& field) {
  std::string text;
  for (char c : field) {
    if (c == '/' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

std::string to_string(const Environment& environment) {
  return fmt::format("{}/{}/{}/sm{}/l2-{}/driver {}/{}/generator {}/{}", escape(environment.kind),
                     escape(environment.device), escape(environment.arch), environment.sm_count, environment.l2_bytes,
                     escape(environment.driver), escape(environment.compiler), escape(environment.generator_digest),
                     escape(environment.policy));
}

}  // namespace fftconv
