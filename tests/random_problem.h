// Random valid problems and configurations, for round trips.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>

#include "fftconv/kernel_config.h"
#include "fftconv/problem.h"

namespace fftconv::test {

using Random = std::mt19937_64;

/// A generator with a new seed, which is printed; FFTCONV_TEST_SEED repeats a run.
inline Random seeded() {
  const char* given = std::getenv("FFTCONV_TEST_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  MESSAGE("FFTCONV_TEST_SEED=" << seed);
  return Random(seed);
}

inline std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

inline bool coin(Random& random) { return between(random, 0, 1) == 1; }

inline Problem random_problem(Random& random) {
  Problem p;
  p.mode = static_cast<Mode>(between(random, 0, 3));
  p.seqlen = between(random, 1, std::int64_t{1} << between(random, 0, 26));
  p.filter_len = between(random, 1, p.mode == Mode::bidirectional ? 2 * p.seqlen - 1 : p.seqlen);
  p.batch = between(random, 1, 64);
  p.channels = between(random, 1, 1024);
  p.io = static_cast<DataType>(between(random, 0, 2));
  p.precision = static_cast<Precision>(between(random, 0, 2));
  p.direction = static_cast<Direction>(between(random, 0, 2));
  p.pregate = coin(random);
  p.postgate = coin(random);
  p.skip = coin(random);
  p.carry = coin(random) && p.mode == Mode::causal && p.direction == Direction::forward && p.filter_len > 1;
  p.sharing = static_cast<FilterSharing>(between(random, 0, 2));
  if (p.sharing == FilterSharing::per_group) {
    do p.groups = between(random, 1, p.channels);
    while (p.channels % p.groups != 0);
  }
  p.layout = static_cast<Layout>(between(random, 0, 1));
  if (between(random, 0, 3) == 0) {
    const std::int64_t row = p.seqlen + between(random, 0, 100);
    p.strides = {row * p.channels + between(random, 0, 9), row, 1};
  }
  if (between(random, 0, 3) == 0 && !p.carry) {
    for (auto& mask : p.kept) mask = random() | 1;  // block 0 exists at every length
  }
  return p;
}

inline KernelConfig random_config(Random& random) {
  KernelConfig c;
  const std::int64_t order = between(random, 1, 6);
  for (std::int64_t i = 0; i < order; ++i) c.radices.push_back(static_cast<int>(between(random, 1, 24)));
  c.strategy = static_cast<Strategy>(between(random, 0, 5));
  c.engine = static_cast<Engine>(between(random, 0, 4));
  c.rows = static_cast<int>(between(random, 1, 64));
  c.paired = coin(random);
  c.compiler = static_cast<CompilerId>(between(random, 0, 2));
  if (c.engine == Engine::vector) {
    c.lanes = 1 << between(random, 0, 5);
    c.interleave = static_cast<int>(between(random, 0, 4));
    c.streaming = coin(random);
    c.twiddle = static_cast<Residency>(between(random, 0, 1));
  } else {
    c.warps = static_cast<int>(between(random, 1, 32));
    c.loop = static_cast<int>(between(random, 0, 1000));
    c.depth = static_cast<int>(between(random, 1, 4));
    c.filter = static_cast<Residency>(between(random, 0, 1));
    c.twiddle = static_cast<Residency>(between(random, 0, 1));
  }
  return c;
}

/// Every proper prefix of a text, and the text with one character replaced, inserted or removed.
inline std::string mutate(Random& random, std::string text) {
  static constexpr char alphabet[] = "0123456789/:,-xkLbhabcdefpmor \n\t\xff";
  const auto letter = [&] { return alphabet[between(random, 0, sizeof alphabet - 2)]; };
  for (std::int64_t edits = between(random, 1, 4); edits > 0 && !text.empty(); --edits) {
    const auto at = static_cast<std::size_t>(between(random, 0, static_cast<std::int64_t>(text.size()) - 1));
    switch (between(random, 0, 3)) {
      case 0:
        text[at] = letter();
        break;
      case 1:
        text.insert(at, 1, letter());
        break;
      case 2:
        text.erase(at, 1);
        break;
      case 3:
        text.resize(at);
        break;
    }
  }
  return text;
}

}  // namespace fftconv::test
