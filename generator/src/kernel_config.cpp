#include "fftconv/kernel_config.h"

#include <fmt/format.h>

#include <optional>

#include "text.h"

namespace fftconv {
namespace {

template <class T>
struct Name {
  const char* text;
  T value;
};

constexpr Name<Strategy> strategies[] = {{"fused", Strategy::fused},         {"chunked", Strategy::chunked},
                                         {"multipass", Strategy::multipass}, {"l2", Strategy::l2},
                                         {"cluster", Strategy::cluster},     {"direct", Strategy::direct}};
constexpr Name<Engine> engines[] = {{"mma-f16acc", Engine::mma_f16},
                                    {"mma-f32acc", Engine::mma_f16f32},
                                    {"mma-bf16", Engine::mma_bf16},
                                    {"mma-split", Engine::mma_split},
                                    {"vector", Engine::vector}};
constexpr Name<CompilerId> compilers[] = {
    {"nvrtc", CompilerId::nvrtc}, {"clang", CompilerId::clang}, {"portable", CompilerId::none}};
constexpr Name<Residency> residencies[] = {{"reg", Residency::registers}, {"mem", Residency::memory}};

template <class T, std::size_t N>
const char* name_of(const Name<T> (&names)[N], T value) {
  for (const auto& name : names) {
    if (name.value == value) return name.text;
  }
  return "unknown";
}

template <class T, std::size_t N>
bool read_name(const Name<T> (&names)[N], std::string_view text, T& out) {
  for (const auto& name : names) {
    if (name.text == text) return out = name.value, true;
  }
  return false;
}

constexpr std::size_t max_order = 32;
constexpr std::int64_t max_length = std::int64_t{1} << 28;

/// "p3:16x16x16". Nothing where it is not a list of radices, or its order is not its length.
std::optional<std::vector<int>> parse_radices(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto order = parse_tagged<unsigned>(text.substr(0, colon), "p");
  const auto parts = split(text.substr(colon + 1), 'x');
  if (!order || *order != parts.size() || parts.size() > max_order) return std::nullopt;
  std::vector<int> radices;
  std::int64_t length = 1;
  for (const auto part : parts) {
    const auto radix = parse_int<int>(part);
    if (!radix || *radix < 1 || *radix > max_length / length) return std::nullopt;
    length *= *radix;
    radices.push_back(*radix);
  }
  return radices;
}

/// A numbered field of the text: its tag, the member, the least and the greatest value.
struct Field {
  const char* tag;
  int KernelConfig::*member;
  int least;
  int greatest;
};

constexpr Field cuda_fields[] = {{"rows", &KernelConfig::rows, 1, 1024},
                                 {"warps", &KernelConfig::warps, 1, 32},
                                 {"loop", &KernelConfig::loop, 0, 1 << 30},
                                 {"depth", &KernelConfig::depth, 1, 16}};
constexpr Field cpu_fields[] = {{"rows", &KernelConfig::rows, 1, 1024},
                                {"lanes", &KernelConfig::lanes, 1, 64},
                                {"interleave", &KernelConfig::interleave, 0, 16}};

Error not_a_config(std::string_view text, std::string_view why) {
  return invalid(
      fmt::format("{} is not a kernel configuration: {}; write it as "
                  "p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc",
                  quoted(text), why));
}

/// Takes the parts of a text one after another and remembers the first that was wrong.
class Reader {
 public:
  explicit Reader(std::string_view text) : parts_(split(text, '/')) {}

  std::string_view next() { return at_ < parts_.size() ? parts_[at_++] : std::string_view{}; }
  void fail(std::string_view part, std::string_view expected) {
    if (wrong_.empty()) wrong_ = fmt::format("{} is not {}", quoted(part), expected);
  }
  bool done() const { return at_ == parts_.size(); }
  bool good() const { return wrong_.empty(); }
  const std::string& wrong() const { return wrong_; }

  void number(const Field& field, KernelConfig& config) {
    const auto part = next();
    const auto value = parse_tagged<int>(part, field.tag);
    if (!value || *value < field.least || *value > field.greatest) {
      return fail(part, fmt::format("{} with a number from {} to {}", field.tag, field.least, field.greatest));
    }
    config.*field.member = *value;
  }

  template <class T, std::size_t N>
  void name(const Name<T> (&names)[N], std::string_view prefix, T& out, std::string_view what) {
    const auto part = next();
    if (!part.starts_with(prefix) || !read_name(names, part.substr(prefix.size()), out)) fail(part, what);
  }

 private:
  std::vector<std::string_view> parts_;
  std::size_t at_ = 0;
  std::string wrong_;
};

}  // namespace

const char* to_string(Engine engine) { return name_of(engines, engine); }
const char* to_string(Strategy strategy) { return name_of(strategies, strategy); }

std::int64_t transform_length(const KernelConfig& config) {
  std::int64_t length = 1;
  for (const int radix : config.radices) length *= radix;
  return length;
}

std::string to_string(const KernelConfig& c) {
  std::string text = fmt::format("p{}:", c.radices.size());
  for (std::size_t i = 0; i < c.radices.size(); ++i) text += fmt::format("{}{}", i ? "x" : "", c.radices[i]);
  text += fmt::format("/{}/{}", to_string(c.strategy), to_string(c.engine));
  if (c.engine == Engine::vector) {
    for (const Field& field : cpu_fields) text += fmt::format("/{}{}", field.tag, c.*field.member);
    text += fmt::format("/stream{}", c.streaming ? 1 : 0);
  } else {
    for (const Field& field : cuda_fields) text += fmt::format("/{}{}", field.tag, c.*field.member);
    text += fmt::format("/filter-{}/twiddle-{}", name_of(residencies, c.filter), name_of(residencies, c.twiddle));
  }
  text += fmt::format("/{}", name_of(compilers, c.compiler));
  if (c.engine == Engine::vector && c.twiddle == Residency::registers) text += "/twiddle-reg";
  if (c.paired) text += "/paired";
  return text;
}

Result<KernelConfig> parse_config(std::string_view text) {
  KernelConfig c;
  Reader reader(text);
  const auto first = reader.next();
  if (auto radices = parse_radices(first)) {
    c.radices = *radices;
  } else {
    reader.fail(first, "an order and its radices such as p3:16x16x16");
  }
  reader.name(strategies, "", c.strategy, "a strategy");
  reader.name(engines, "", c.engine, "an engine");
  if (c.engine == Engine::vector) {
    for (const Field& field : cpu_fields) reader.number(field, c);
    const auto part = reader.next();
    if (part != "stream0" && part != "stream1") reader.fail(part, "stream0 or stream1");
    c.streaming = part == "stream1";
  } else {
    for (const Field& field : cuda_fields) reader.number(field, c);
    reader.name(residencies, "filter-", c.filter, "filter-reg or filter-mem");
    reader.name(residencies, "twiddle-", c.twiddle, "twiddle-reg or twiddle-mem");
  }
  reader.name(compilers, "", c.compiler, "a compiler (nvrtc, clang, portable)");
  if (reader.good() && !reader.done()) {
    auto part = reader.next();
    if (c.engine == Engine::vector && part == "twiddle-reg") {
      c.twiddle = Residency::registers;
      c.paired = !reader.done();
      if (c.paired) part = reader.next();
    } else {
      c.paired = true;
    }
    if (c.paired && part != "paired") reader.fail(part, "\"paired\", the last field that may follow the compiler");
  }
  if (!reader.good()) return not_a_config(text, reader.wrong());
  if (!reader.done()) return not_a_config(text, "there is text after its last field");
  return c;
}

}  // namespace fftconv
