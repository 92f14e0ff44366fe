#include "npy_header.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "file_kind.h"

namespace fftconv::tools {
namespace {

/// Reads the few forms of Python literals that the header is made of. Every reader skips white space first and
/// leaves the position where it was when it finds something else.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}

  bool take(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  std::optional<std::string> string() {
    skip_space();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return std::nullopt;
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }

  std::optional<bool> boolean() {
    if (take("True")) return true;
    if (take("False")) return false;
    return std::nullopt;
  }

  std::optional<std::int64_t> integer() {
    skip_space();
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (code != std::errc() || value < 0) return std::nullopt;
    at_ = static_cast<std::size_t>(end - text_.data());
    take("L");  // Python 2 wrote long integers so
    return value;
  }

  std::optional<std::vector<std::int64_t>> tuple() {
    std::vector<std::int64_t> values;
    if (!take("(")) return std::nullopt;
    while (!take(")")) {
      const auto value = integer();
      if (!value) return std::nullopt;
      values.push_back(*value);
      if (!take(",")) {
        if (!take(")")) return std::nullopt;
        break;
      }
    }
    return values;
  }

  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

struct Fields {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

/// The dictionary, or what is wrong with it.
Result<Fields> parse_fields(std::string_view text) {
  Literal literal(text);
  Fields fields;
  if (!literal.take("{")) return invalid("it does not begin with '{'");
  while (!literal.take("}")) {
    const auto key = literal.string();
    if (!key || !literal.take(":")) return invalid("a key is malformed");
    if (*key == "descr") {
      fields.descr = literal.string();
      if (!fields.descr) {
        return unsupported("its values are records; only plain floating-point arrays are read");
      }
    } else if (*key == "fortran_order") {
      fields.fortran_order = literal.boolean();
      if (!fields.fortran_order) return invalid("'fortran_order' is neither True nor False");
    } else if (*key == "shape") {
      fields.shape = literal.tuple();
      if (!fields.shape) return invalid("'shape' is not a tuple of non-negative integers");
    } else {
      return invalid(fmt::format("it has an unknown key '{}'", *key));
    }
    if (!literal.take(",")) {
      if (!literal.take("}")) return invalid("a ',' or '}' is missing");
      break;
    }
  }
  if (!literal.at_end()) return invalid("something follows the '}'");
  if (!fields.descr) return invalid("'descr' is missing");
  if (!fields.fortran_order) return invalid("'fortran_order' is missing");
  if (!fields.shape) return invalid("'shape' is missing");
  return fields;
}

}  // namespace

Result<NpyHeader> parse_npy_header(std::span<const std::byte> bytes, const std::string& name) {
  const auto damaged = [&](std::string_view why) {
    return Error{ErrorCode::damaged, fmt::format("'{}' is not a sound .npy file: {}", name, why)};
  };
  const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(bytes[i]); };
  if (!looks_like_npy(bytes)) {
    const std::string kind = describe_bytes(bytes);
    return damaged("it does not begin as .npy files do" + (kind.empty() ? "" : "; it is " + kind));
  }
  if (bytes.size() < 12) return damaged("it ends within the header");
  const std::size_t major = byte(6);
  if (major != 1 && major != 2) {
    return unsupported(fmt::format("'{}' has .npy version {}.{}; versions 1 and 2 are read, so save it again", name,
                                   major, byte(7)));
  }
  const std::size_t start = major == 1 ? 10 : 12;
  const std::size_t length =
      major == 1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (length > bytes.size() - start) return damaged("it ends within the header");
  const auto fields = parse_fields({reinterpret_cast<const char*>(bytes.data()) + start, length});
  if (!fields && fields.error().code == ErrorCode::unsupported) {
    return unsupported(fmt::format("'{}' cannot be read: {}", name, fields.error().message));
  }
  if (!fields) return damaged("in its header, " + fields.error().message);

  NpyHeader header;
  const std::string& descr = *fields->descr;
  const std::string_view type = descr.empty() ? std::string_view() : std::string_view(descr).substr(1);
  if ((descr[0] != '<' && descr[0] != '>') || (type != "f2" && type != "f4" && type != "f8")) {
    return unsupported(fmt::format(
        "'{}' holds values of type '{}'; f2, f4 and f8 are read, so convert it with astype", name, descr));
  }
  header.type = type == "f2" ? NpyType::f2 : type == "f4" ? NpyType::f4 : NpyType::f8;
  header.big_endian = descr[0] == '>';
  header.fortran_order = *fields->fortran_order;
  header.shape = *fields->shape;
  header.data_offset = start + length;
  if (header.shape.empty() || header.shape.size() > 3) {
    return unsupported(
        fmt::format("'{}' has {} dimensions; 1 to 3 are read (length; channels, length; batch, channels, "
                    "length)",
                    name, header.shape.size()));
  }
  return header;
}

}  // namespace fftconv::tools
