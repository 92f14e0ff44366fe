// Fewer of the same where a sanitizer makes each take several times as long.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <vector>

namespace fftconv::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// All of `cases`; in a build with sanitizers every third, from the first.
template <class T>
std::vector<T> thinned(std::initializer_list<T> cases) {
  std::vector<T> some;
  for (std::size_t i = 0; i < cases.size(); i += kSanitized ? 3 : 1) some.push_back(cases.begin()[i]);
  return some;
}

}  // namespace fftconv::test
