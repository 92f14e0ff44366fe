// parse_problem(): whatever the text, a valid problem whose canonical text is the input, or a clean sentence.
#include <cstddef>
#include <cstdint>

#include "fftconv/problem.h"
#include "property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fftconv;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_problem(text);
  if (!parsed) {
    fuzz::require(parsed.error().code == ErrorCode::invalid_argument, "a refusal is invalid_argument", text);
    fuzz::require(fuzz::is_clean(parsed.error().message), "a refusal is a clean sentence", text);
    return 0;
  }
  fuzz::require(validate(*parsed).ok(), "what is parsed is valid", text);
  fuzz::require(to_string(*parsed) == text, "a text that is accepted is the canonical one", text);
  fuzz::require(error_budget(*parsed) > 0, "the budget is positive", text);
  fuzz::require(filter_count(*parsed) > 0, "there is a filter", text);
  return 0;
}
