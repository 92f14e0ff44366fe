// A signal: rows of samples from an .npy or an audio file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fftconv/result.h"
#include "npy.h"

namespace fftconv::tools {

struct Signal {
  std::string name;                 ///< of the file, for messages
  std::vector<std::int64_t> shape;  ///< as in the file: (L), (C, L) or (B, C, L); audio is (C, L)
  NpyType type = NpyType::f4;
  int rate = 0;  ///< samples a second; 0 = not audio
  std::vector<double> values;

  std::int64_t length() const { return shape.back(); }
  std::int64_t channels() const { return shape.size() < 2 ? 1 : shape[shape.size() - 2]; }
  std::int64_t batch() const { return shape.size() < 3 ? 1 : shape[0]; }
};

/// By extension: .npy, all else through libsndfile. Errors as read_npy() and read_audio().
Result<Signal> read_signal(const std::filesystem::path& path);

/// Writes by extension; returns what a person should know of the file, one phrase. Errors: invalid_argument (unknown
/// extension, audio without a rate or with more than one example), io.
Result<std::string> write_signal(const std::filesystem::path& path, const Signal& signal);
/// What of those can be said before there are samples: called before work begins.
Result<void> check_output(const std::filesystem::path& path, const Signal& like);

/// Where the first value is NaN or infinite: "NaN at (batch 0, channel 1, sample 17)"; nothing where none is.
std::optional<std::string> find_not_finite(const Signal& signal);

}  // namespace fftconv::tools
