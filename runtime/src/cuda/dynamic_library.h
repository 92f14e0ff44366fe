// Libraries that are opened at run time. The program must start, and say what is missing, where they are not.
#pragma once

#include <string>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::cuda {

/// An open library. It stays open until the process ends: drivers do not survive being unloaded.
class DynamicLibrary {
 public:
  /// Opens the first of `names` (files, or names for the loader) that can be opened.
  /// Errors: dependency_missing with what the loader said of the last one.
  static Result<DynamicLibrary> open_first(const std::vector<std::string>& names);

  const std::string& name() const { return name_; }
  void* raw_symbol(const char* symbol) const;  ///< null where there is none

  /// Sets a function pointer; false where the library does not have the symbol.
  template <class Function>
  bool bind(Function*& function, const char* symbol) const {
    function = reinterpret_cast<Function*>(raw_symbol(symbol));
    return function != nullptr;
  }

 private:
  DynamicLibrary(void* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
  void* handle_ = nullptr;
  std::string name_;
};

}  // namespace fftconv::cuda
