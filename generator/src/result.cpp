#include "fftconv/result.h"

namespace fftconv {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::io:
      return "io";
    case ErrorCode::damaged:
      return "damaged";
    case ErrorCode::dependency_missing:
      return "dependency_missing";
    case ErrorCode::device_missing:
      return "device_missing";
    case ErrorCode::compile_failed:
      return "compile_failed";
    case ErrorCode::launch_failed:
      return "launch_failed";
    case ErrorCode::out_of_memory:
      return "out_of_memory";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::crashed:
      return "crashed";
    case ErrorCode::wrong_result:
      return "wrong_result";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace fftconv
