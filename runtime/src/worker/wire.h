// Values as bytes, and bytes as messages: what a worker and its parent say to each other.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::worker {

enum class Kind : std::uint32_t { begin, compile, prepare, sample, release, answer };

struct Message {
  Kind kind = Kind::answer;
  std::vector<std::byte> payload;
};

/// Appends values; texts and byte arrays with their length.
class Writer {
 public:
  template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) Writer& put(T value) {
    append(&value, sizeof value);
    return *this;
  }
  Writer& put(const std::string& text) {
    put(static_cast<std::uint64_t>(text.size()));
    append(text.data(), text.size());
    return *this;
  }
  Writer& put(const std::vector<std::byte>& bytes) {
    put(static_cast<std::uint64_t>(bytes.size()));
    append(bytes.data(), bytes.size());
    return *this;
  }
  std::vector<std::byte> take() { return std::move(data_); }

 private:
  void append(const void* from, std::size_t size) {
    const std::size_t before = data_.size();
    data_.resize(before + size);
    if (size > 0) std::memcpy(data_.data() + before, from, size);
  }

  std::vector<std::byte> data_;
};

/// The inverse. What is not there reads as nothing and makes ok() false: the bytes come from a process that may have
/// been run over by a bad kernel.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> data) : data_(data) {}

  template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) T get() {
    T value{};
    const auto bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  /// One of an enumeration that begins at 0 and ends with `last`.
  template <class E>
  requires(std::is_enum_v<E>) E get(E last) {
    const auto value = get<std::underlying_type_t<E>>();
    if (value >= 0 && value <= static_cast<std::underlying_type_t<E>>(last)) return static_cast<E>(value);
    ok_ = false;
    return E{};
  }
  /// Not below 0.
  template <class T = int>
  T count() {
    const T value = get<T>();
    if (value < 0) ok_ = false;
    return value;
  }
  /// Finite, and not below 0.
  double amount() {
    const auto value = get<double>();
    if (!std::isfinite(value) || value < 0) ok_ = false;
    return value;
  }
  bool flag() {
    const auto value = get<std::uint8_t>();
    if (value > 1) ok_ = false;
    return ok_ && value == 1;
  }
  std::string text() {
    const auto bytes = take(get<std::uint64_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::vector<std::byte> bytes() {
    const auto found = take(get<std::uint64_t>());
    return {found.begin(), found.end()};
  }
  /// For what was there and makes no sense.
  void refuse() { ok_ = false; }
  /// Everything was there and nothing is left.
  bool ok() const { return ok_ && data_.empty(); }

 private:
  std::span<const std::byte> take(std::uint64_t count) {
    if (!ok_ || count > data_.size()) {
      ok_ = false;
      return {};
    }
    const auto found = data_.first(static_cast<std::size_t>(count));
    data_ = data_.subspan(static_cast<std::size_t>(count));
    return found;
  }

  std::span<const std::byte> data_;
  bool ok_ = true;
};

/// Sends all of a message, in at most `seconds` (negative: for ever): who does not read must not stop who writes.
/// While it waits `over` is asked some times a second. Errors: timeout; busy where `over` said so; io where the other
/// end was closed.
Result<void> send(int channel, const Message& message, double seconds, const std::function<bool()>& over = {});

/// Waits for a whole message, in the same way. Errors: timeout; busy; not_found where the other end was closed;
/// damaged where what came is no message.
Result<Message> receive(int channel, double seconds, const std::function<bool()>& over = {});

}  // namespace fftconv::worker
