// Lines of tuning_db/shipped/*.jsonl as they were when the library was built; empty lines among them.
#pragma once

#include <span>
#include <string_view>

namespace fftconv {

std::span<const std::string_view> shipped_lines();

}  // namespace fftconv
