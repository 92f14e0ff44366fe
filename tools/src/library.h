// Shared libraries and programs that the tools use where they are installed, and do without where not.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::tools {

/// A library opened with dlopen; closed with the last copy.
class Library {
 public:
  /// The first of `names` that the loader opens. Errors: dependency_missing, with `purpose` ("libfftw3f times FFTW
  /// beside …") as the cost.
  static Result<Library> open(std::span<const std::string> names, const std::string& purpose);

  const std::string& name() const { return name_; }

  /// A function by name; null where there is none.
  template <class Function>
  Function* find(const char* symbol) const {
    return reinterpret_cast<Function*>(address(symbol));
  }

 private:
  Library(std::shared_ptr<void> handle, std::string name) : handle_(std::move(handle)), name_(std::move(name)) {}
  void* address(const char* symbol) const;

  std::shared_ptr<void> handle_;
  std::string name_;
};

// Where each is looked for.
std::vector<std::string> fftw_names();
std::vector<std::string> cufft_names();

/// An executable in PATH, in a CUDA Toolkit below /usr/local, or in one of NVIDIA's Python wheels in private_venv().
std::optional<std::filesystem::path> find_program(const std::string& name);

/// Runs a program (argv[0] is its path) without a shell; its standard output and error together. Errors: io where it
/// cannot be started, internal with what it said where it ends with another status than 0.
Result<std::string> run_program(const std::vector<std::string>& argv);

}  // namespace fftconv::tools
