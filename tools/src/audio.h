// Audio files, through libsndfile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::tools {

struct Audio {
  int rate = 0;      ///< samples a second
  int channels = 0;  ///< at least 1
  std::int64_t frames = 0;
  std::vector<float> samples;  ///< (channels, frames), full scale is 1
};

/// What a written file could not keep.
struct AudioWritten {
  float peak = 0;            ///< largest magnitude
  std::int64_t clipped = 0;  ///< samples above full scale, where the format has one
  std::string format;        ///< "WAV, 32 bit float"
};

/// Reads any format that libsndfile knows. Errors: invalid_argument (no such file), damaged (not audio, or fewer
/// samples than its header promises).
Result<Audio> read_audio(const std::filesystem::path& path);

/// Writes by the extension: wav, w64, rf64, aif(f), au, caf as 32-bit float; flac as 24 bit; ogg, opus, mp3 where
/// this libsndfile has them. Replaces the file as a whole (write_file). Errors: invalid_argument (unknown extension),
/// io.
Result<AudioWritten> write_audio(const std::filesystem::path& path, const Audio& audio);

/// True for an extension that write_audio() knows, whether or not this libsndfile can write it.
bool is_audio_extension(const std::string& extension);
/// Those extensions, for messages: "wav, flac, …".
std::string audio_extensions();

}  // namespace fftconv::tools
