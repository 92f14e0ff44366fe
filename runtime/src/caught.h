// Exceptions as errors of a Result.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <type_traits>

#include "fftconv/result.h"

namespace fftconv {

/// Of the exception that is being handled: out_of_memory for std::bad_alloc, else internal with what it says.
inline Error error_of_exception() noexcept {
  try {
    try {
      throw;
    } catch (const std::bad_alloc&) {
      return {ErrorCode::out_of_memory, "Out of memory."};  // short enough to need none
    } catch (const std::exception& exception) {
      return {ErrorCode::internal, exception.what()};
    } catch (...) {
      return {ErrorCode::internal, "An exception that is no std::exception was thrown."};
    }
  } catch (...) {
    return {ErrorCode::out_of_memory, "Out of memory."};  // for the text
  }
}

/// What `work()`, which returns a Result, gives; an exception becomes its error.
template <class Work>
std::invoke_result_t<Work&> caught(Work&& work) {
  try {
    return work();
  } catch (...) {
    return error_of_exception();
  }
}

}  // namespace fftconv
