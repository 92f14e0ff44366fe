// The canonical text of a problem and its parser.
#include <fmt/format.h>

#include "fftconv/problem.h"
#include "text.h"

namespace fftconv {
namespace {

template <class T>
struct Name {
  const char* text;
  T value;
};

constexpr Name<Mode> modes[] = {{"causal", Mode::causal},
                                {"anticausal", Mode::anticausal},
                                {"bidirectional", Mode::bidirectional},
                                {"circular", Mode::circular}};
constexpr Name<DataType> types[] = {
    {"f16", DataType::f16}, {"bf16", DataType::bf16}, {"f32", DataType::f32}, {"f64", DataType::f64}};
constexpr Name<Precision> precisions[] = {
    {"f16", Precision::f16}, {"bf16", Precision::bf16}, {"f32", Precision::f32}, {"f64", Precision::f64}};
constexpr Name<Direction> directions[] = {{"forward", Direction::forward},
                                          {"backward_input", Direction::backward_input},
                                          {"backward_filter", Direction::backward_filter}};

template <class T, std::size_t N>
const char* name_of(const Name<T> (&names)[N], T value) {
  for (const auto& name : names) {
    if (name.value == value) return name.text;
  }
  return "unknown";
}

template <class T, std::size_t N>
Result<T> value_of(const Name<T> (&names)[N], std::string_view text, const char* what) {
  std::string known;
  for (const auto& name : names) {
    if (name.text == text) return name.value;
    known += (known.empty() ? "" : ", ") + std::string(name.text);
  }
  return invalid(fmt::format("unknown {} {}; give one of {}", what, quoted(text), known));
}

Error not_a_problem(std::string_view text, std::string_view why) {
  return invalid(
      fmt::format("{} is not a problem: {}; write it as "
                  "causal/L4096/k4096/b64/h768/io-f16/f16/forward",
                  quoted(text), why));
}

/// Comma-separated integers, exactly as many as `out` holds.
template <class Int, std::size_t N>
bool parse_list(std::string_view text, std::array<Int, N>& out, int base) {
  const auto parts = split(text, ',');
  if (parts.size() != N) return false;
  for (std::size_t i = 0; i < N; ++i) {
    const auto value = parse_int<Int>(parts[i], base);
    if (!value) return false;
    out[i] = *value;
  }
  return true;
}

/// One option past the eight fixed fields. False where it is none.
bool parse_option(std::string_view part, Problem& p) {
  if (part == "pregate") return p.pregate = true;
  if (part == "postgate") return p.postgate = true;
  if (part == "skip") return p.skip = true;
  if (part == "carry") return p.carry = true;
  if (part == "blh") return p.layout = Layout::blh, true;
  if (part == "per-example") return p.sharing = FilterSharing::per_example, true;
  if (const auto groups = parse_tagged<std::int64_t>(part, "groups-")) {
    p.sharing = FilterSharing::per_group;
    p.groups = *groups;
    return true;
  }
  if (part.starts_with("strides-")) return parse_list(part.substr(8), p.strides, 10);
  if (part.starts_with("kept-")) return parse_list(part.substr(5), p.kept, 16);
  return false;
}

}  // namespace

const char* to_string(Mode mode) { return name_of(modes, mode); }
const char* to_string(DataType type) { return name_of(types, type); }
const char* to_string(Precision precision) { return name_of(precisions, precision); }
const char* to_string(Direction direction) { return name_of(directions, direction); }
Result<Mode> parse_mode(std::string_view text) { return value_of(modes, text, "mode"); }
Result<Direction> parse_direction(std::string_view text) { return value_of(directions, text, "direction"); }
Result<DataType> parse_data_type(std::string_view text) { return value_of(types, text, "data type"); }
Result<Precision> parse_precision(std::string_view text) { return value_of(precisions, text, "precision"); }

std::string to_string(const Problem& p) {
  const Problem plain;
  std::string text = fmt::format("{}/L{}/k{}/b{}/h{}/io-{}/{}/{}", to_string(p.mode), p.seqlen, p.filter_len, p.batch,
                                 p.channels, to_string(p.io), to_string(p.precision), to_string(p.direction));
  if (p.pregate) text += "/pregate";
  if (p.postgate) text += "/postgate";
  if (p.skip) text += "/skip";
  if (p.carry) text += "/carry";
  if (p.sharing == FilterSharing::per_group) text += fmt::format("/groups-{}", p.groups);
  if (p.sharing == FilterSharing::per_example) text += "/per-example";
  if (p.layout == Layout::blh) text += "/blh";
  if (p.strides != plain.strides) {
    text += fmt::format("/strides-{},{},{}", p.strides[0], p.strides[1], p.strides[2]);
  }
  if (p.kept != plain.kept) {
    text += fmt::format("/kept-{:x},{:x},{:x},{:x}", p.kept[0], p.kept[1], p.kept[2], p.kept[3]);
  }
  return text;
}

Result<Problem> parse_problem(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() < 8) return not_a_problem(text, fmt::format("it has {} of 8 fields", parts.size()));
  Problem p;
  const auto mode = parse_mode(parts[0]);
  if (!mode) return not_a_problem(text, mode.error().message);
  p.mode = *mode;

  const struct {
    std::string_view part;
    const char* prefix;
    std::int64_t& field;
  } numbers[] = {{parts[1], "L", p.seqlen},
                 {parts[2], "k", p.filter_len},
                 {parts[3], "b", p.batch},
                 {parts[4], "h", p.channels}};
  for (const auto& number : numbers) {
    const auto value = parse_tagged<std::int64_t>(number.part, number.prefix);
    if (!value) {
      return not_a_problem(text, fmt::format("{} is not {} and a number", quoted(number.part), number.prefix));
    }
    number.field = *value;
  }

  if (!parts[5].starts_with("io-")) return not_a_problem(text, fmt::format("{} is not io-TYPE", quoted(parts[5])));
  const auto io = parse_data_type(parts[5].substr(3));
  if (!io) return not_a_problem(text, io.error().message);
  p.io = *io;
  const auto precision = parse_precision(parts[6]);
  if (!precision) return not_a_problem(text, precision.error().message);
  p.precision = *precision;
  const auto direction = parse_direction(parts[7]);
  if (!direction) return not_a_problem(text, direction.error().message);
  p.direction = *direction;

  for (std::size_t i = 8; i < parts.size(); ++i) {
    if (!parse_option(parts[i], p)) {
      return not_a_problem(text, fmt::format("it does not know the option {}", quoted(parts[i])));
    }
  }
  if (const auto valid = validate(p); !valid) return valid.error();
  // One problem, one text: repeated, reordered or redundant options would be a second key for the same thing.
  if (to_string(p) != text) {
    return not_a_problem(text, fmt::format("its canonical spelling is {}", to_string(p)));
  }
  return p;
}

}  // namespace fftconv
