// parse_config(): whatever the text, a configuration whose text is the input, or a clean sentence.
#include <cstddef>
#include <cstdint>

#include "fftconv/kernel_config.h"
#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fftconv;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_config(text);
  if (!parsed) {
    fuzz::require(parsed.error().code == ErrorCode::invalid_argument, "a refusal is invalid_argument", text);
    fuzz::require(fuzz::is_clean(parsed.error().message), "a refusal is a clean sentence", text);
    return 0;
  }
  fuzz::require(to_string(*parsed) == text, "a text that is accepted is the canonical one", text);
  fuzz::require(transform_length(*parsed) > 0, "the transform length is positive", text);
  return 0;
}
