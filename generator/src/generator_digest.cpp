#include <string>

#include "fftconv/kernel_source.h"
#include "fftconv/sha256.h"
#include "fftconv/templates.h"

namespace fftconv {
namespace {

/// Raise it with every change of an emitter that changes what it emits: templates are hashed, C++ code is not.
constexpr const char* generator_version = "1";

}  // namespace

const std::string& generator_digest() {
  static const std::string digest = [] {
    std::string all = generator_version;
    for (const Template& entry : templates()) {
      all += '\0';
      all += entry.name;
      all += '\0';
      all += entry.text;
    }
    return sha256(all);
  }();
  return digest;
}

}  // namespace fftconv
