// Runs a fuzzer without libFuzzer: every seed, then a fixed series of random mutations of the seeds.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t end) {
  return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
}

/// Texts that often break parsers: limits of integers, signs, other spellings of zero, separators.
constexpr const char* tokens[] = {"0",
                                  "-1",
                                  "00",
                                  "+1",
                                  "1e9",
                                  "0x10",
                                  "2147483648",
                                  "4294967297",
                                  "67108865",
                                  "9223372036854775807",
                                  "9223372036854775808",
                                  "-9223372036854775808",
                                  "18446744073709551615",
                                  "99999999999999999999",
                                  "/",
                                  "//",
                                  ",",
                                  "x",
                                  ":",
                                  "-",
                                  " ",
                                  "\n",
                                  "\xff",
                                  "nan"};

std::string mutate(Random& random, std::string text, const std::vector<std::string>& seeds) {
  for (std::size_t edits = 1 + below(random, 4); edits > 0; --edits) {
    const std::size_t at = below(random, text.size() + 1);
    switch (below(random, 7)) {
      case 0:
        text.insert(at, 1, static_cast<char>(below(random, 256)));
        break;
      case 1:
        text.insert(at, tokens[below(random, std::size(tokens))]);
        break;
      case 2:
        text.erase(at, 1 + below(random, 8));
        break;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(random, 8)));
        break;
      case 4:
        text.insert(at, text.substr(below(random, text.size() + 1), below(random, 32)));
        break;
      case 5: {  // the head of this and the tail of another
        const std::string& other = seeds[below(random, seeds.size())];
        text = text.substr(0, at) + other.substr(below(random, other.size() + 1));
        break;
      }
      case 6: {  // a number becomes a token
        const auto digits = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
        std::size_t begin = at;
        while (begin < text.size() && !digits(begin)) ++begin;
        std::size_t end = begin;
        while (digits(end)) ++end;
        if (end > begin) text.replace(begin, end - begin, tokens[below(random, std::size(tokens))]);
        break;
      }
    }
  }
  return text;
}

void run(const std::string& text) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s SEEDS MUTATIONS [SEED]\n", argv[0]);
    return 2;
  }
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) names.push_back(entry.path().string());
  std::sort(names.begin(), names.end());  // the order of a directory differs between machines
  std::vector<std::string> seeds;
  for (const auto& name : names) {
    std::ifstream file(name, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    run(seeds.back());
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "no seeds in %s\n", argv[1]);
    return 2;
  }
  run("");
  Random random(argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
  const long mutations = std::strtol(argv[2], nullptr, 10);
  for (long i = 0; i < mutations; ++i) run(mutate(random, seeds[below(random, seeds.size())], seeds));
  std::printf("%zu seeds and %ld mutations hold\n", seeds.size(), mutations);
}
