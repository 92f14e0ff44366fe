// Device code, embedded as text.
#pragma once

#include <span>
#include <string_view>

namespace fftconv {

struct Template {
  std::string_view name;  ///< relative to templates/: "cuda/prelude.cuh"
  std::string_view text;
};

/// All templates, by name.
std::span<const Template> templates();

/// Text of one template; empty where there is none of that name.
inline std::string_view template_text(std::string_view name) {
  for (const Template& entry : templates()) {
    if (entry.name == name) return entry.text;
  }
  return {};
}

}  // namespace fftconv
