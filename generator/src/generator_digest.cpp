#include <string>

#include "emitter_digest.h"
#include "fftconv/kernel_source.h"
#include "fftconv/sha256.h"
#include "fftconv/templates.h"

namespace fftconv {
const std::string& generator_digest() {
  static const std::string digest = [] {
    std::string all = FFTCONV_EMITTER_DIGEST;
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
