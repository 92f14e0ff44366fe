// Result<T>: a value, or an error that says what was wrong and what to do about it.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace fftconv {

enum class ErrorCode {
  invalid_argument,    ///< the caller asked for something that has no meaning (exit status 2 in the tools)
  unsupported,         ///< meaningful, but no kernel of this library computes it
  not_found,           ///< a lookup that has no answer
  io,                  ///< the operating system refused a read or a write
  damaged,             ///< a file is not what it should be
  dependency_missing,  ///< a library that is loaded at run time is not there
  device_missing,      ///< no such device on this machine
  compile_failed,
  launch_failed,
  out_of_memory,
  timeout,
  wrong_result,  ///< a kernel's output failed the comparison with fp64
  busy,          ///< another process holds what is needed
  internal,
  crashed,  ///< the process that did it ended
};

/// Lower-case name of a code, e.g. "invalid_argument".
const char* to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  ///< one sentence: what was wrong and what to do
  bool operator==(const Error&) const = default;
};

/// Either a T or an Error. Reading the wrong one is a programming error and throws std::bad_variant_access.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

struct Unit {
  bool operator==(const Unit&) const = default;
};

template <>
class [[nodiscard]] Result<void> : public Result<Unit> {
 public:
  Result() : Result<Unit>(Unit{}) {}
  Result(Error error) : Result<Unit>(std::move(error)) {}
};

/// Shorthand for the usual refusal.
inline Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }
inline Error unsupported(std::string message) { return {ErrorCode::unsupported, std::move(message)}; }

}  // namespace fftconv
