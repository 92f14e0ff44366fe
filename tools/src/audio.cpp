#include "audio.h"

#include <fmt/format.h>
#include <sndfile.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>

#include "audio_header.h"
#include "file_kind.h"
#include "files.h"

namespace fftconv::tools {
namespace {

/// A file in memory, for libsndfile: reading and writing then fail in one place each, read_file() and write_file().
struct MemoryFile {
  std::vector<std::byte> bytes;
  std::size_t at = 0;

  static sf_count_t length(void* self) { return static_cast<sf_count_t>(of(self).bytes.size()); }
  static sf_count_t tell(void* self) { return static_cast<sf_count_t>(of(self).at); }
  static sf_count_t seek(sf_count_t offset, int whence, void* self) {
    MemoryFile& file = of(self);
    const sf_count_t base = whence == SEEK_CUR ? tell(self) : whence == SEEK_END ? length(self) : 0;
    if (base + offset < 0) return -1;
    file.at = static_cast<std::size_t>(base + offset);
    return tell(self);
  }
  static sf_count_t read(void* to, sf_count_t count, void* self) {
    MemoryFile& file = of(self);
    const std::size_t left = file.at < file.bytes.size() ? file.bytes.size() - file.at : 0;
    const std::size_t n = std::min(left, static_cast<std::size_t>(count));
    if (n > 0) std::memcpy(to, file.bytes.data() + file.at, n);
    file.at += n;
    return static_cast<sf_count_t>(n);
  }
  static sf_count_t write(const void* from, sf_count_t count, void* self) {
    MemoryFile& file = of(self);
    const auto n = static_cast<std::size_t>(count);
    if (file.at + n > file.bytes.size()) file.bytes.resize(file.at + n);
    if (n > 0) std::memcpy(file.bytes.data() + file.at, from, n);
    file.at += n;
    return count;
  }
  static MemoryFile& of(void* self) { return *static_cast<MemoryFile*>(self); }
};

struct Closer {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using Handle = std::unique_ptr<SNDFILE, Closer>;

Handle open_memory(MemoryFile& file, int mode, SF_INFO& info) {
  SF_VIRTUAL_IO io{MemoryFile::length, MemoryFile::seek, MemoryFile::read, MemoryFile::write, MemoryFile::tell};
  return Handle(sf_open_virtual(&io, mode, &info, &file));
}

struct Format {
  const char* extension;
  int code;
  bool clips;  ///< has a full scale that samples cannot pass
  const char* name;
};

constexpr std::array kFormats = {
    Format{"wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, false, "WAV, 32-bit float"},
    Format{"w64", SF_FORMAT_W64 | SF_FORMAT_FLOAT, false, "W64, 32-bit float"},
    Format{"rf64", SF_FORMAT_RF64 | SF_FORMAT_FLOAT, false, "RF64, 32-bit float"},
    Format{"aif", SF_FORMAT_AIFF | SF_FORMAT_FLOAT, false, "AIFF, 32-bit float"},
    Format{"aiff", SF_FORMAT_AIFF | SF_FORMAT_FLOAT, false, "AIFF, 32-bit float"},
    Format{"au", SF_FORMAT_AU | SF_FORMAT_FLOAT, false, "AU, 32-bit float"},
    Format{"caf", SF_FORMAT_CAF | SF_FORMAT_FLOAT, false, "CAF, 32-bit float"},
    Format{"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, true, "FLAC, 24 bit"},
    Format{"ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, true, "Ogg Vorbis"},
    Format{"opus", SF_FORMAT_OGG | 0x0064 /* SF_FORMAT_OPUS, from libsndfile 1.0.29 */, true, "Ogg Opus"},
    Format{"mp3", 0x230000 | 0x0082 /* SF_FORMAT_MPEG, layer III, from libsndfile 1.1 */, true, "MP3"},
};

const Format* find_format(const std::string& extension) {
  const auto it = std::find_if(kFormats.begin(), kFormats.end(),
                               [&](const Format& format) { return extension == format.extension; });
  return it == kFormats.end() ? nullptr : &*it;
}

/// libsndfile ends its messages with a dot, sometimes with a newline.
std::string reason(const char* text) {
  std::string line = text;
  while (!line.empty() && (line.back() == '.' || line.back() == '\n' || line.back() == ' ')) line.pop_back();
  return line;
}

constexpr std::int64_t kBlock = 1 << 14;  ///< frames handed over at a time

}  // namespace

bool is_audio_extension(const std::string& extension) { return find_format(extension) != nullptr; }

std::string audio_extensions() {
  std::string list;
  for (const Format& format : kFormats) list += std::string(list.empty() ? "" : ", ") + format.extension;
  return list;
}

Result<Audio> read_audio(const std::filesystem::path& path) {
  auto bytes = read_file(path);
  if (!bytes) return bytes.error();
  MemoryFile file{std::move(*bytes)};
  const auto damaged = [&](const std::string& what) {
    return Error{ErrorCode::damaged, fmt::format("{} {}", quoted(path), what)};
  };
  if (const auto missing = missing_bytes(file.bytes)) {
    return damaged(fmt::format("is truncated: its header promises {} bytes more than there are", *missing));
  }
  SF_INFO info{};
  const Handle handle = open_memory(file, SFM_READ, info);
  if (!handle) {
    const std::string kind = describe_bytes(file.bytes);
    return damaged(fmt::format("is not an audio file that libsndfile reads ({}{})", reason(sf_strerror(nullptr)),
                               kind.empty() ? "" : "; it is " + kind));
  }
  // Where a format does not say, libsndfile answers with the largest number there is.
  const bool known = info.frames >= 0 && info.frames < std::int64_t{1} << 40;
  Audio audio{info.samplerate, info.channels, 0, {}};
  const auto channels = static_cast<std::size_t>(info.channels);
  std::vector<float> all;
  std::vector<float> block(static_cast<std::size_t>(kBlock) * channels);
  while (true) {
    const sf_count_t n = sf_readf_float(handle.get(), block.data(), kBlock);
    if (n <= 0) break;
    all.insert(all.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(n) * info.channels);
    audio.frames += n;
  }
  if (sf_error(handle.get()) != SF_ERR_NO_ERROR) {
    return damaged(fmt::format("cannot be read past frame {} ({})", audio.frames, reason(sf_strerror(handle.get()))));
  }
  if (known && audio.frames < info.frames) {
    return damaged(
        fmt::format("is truncated: its header promises {} frames, and {} are there", info.frames, audio.frames));
  }
  const auto frames = static_cast<std::size_t>(audio.frames);
  audio.samples.resize(all.size());
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < frames; ++i) audio.samples[c * frames + i] = all[i * channels + c];
  }
  return audio;
}

Result<AudioWritten> write_audio(const std::filesystem::path& path, const Audio& audio) {
  const Format* format = find_format(extension(path));
  if (format == nullptr) {
    return invalid(
        fmt::format("{} has no extension of an audio format; use one of {}", quoted(path), audio_extensions()));
  }
  SF_INFO info{};
  info.samplerate = audio.rate;
  info.channels = audio.channels;
  info.format = format->code;
  MemoryFile file;
  Handle handle = open_memory(file, SFM_WRITE, info);
  if (!handle) {
    return unsupported(fmt::format("{} cannot be written as {} with {} channels at {} Hz ({}); use .wav",
                                   quoted(path), format->name, audio.channels, audio.rate,
                                   reason(sf_strerror(nullptr))));
  }
  // A PEAK chunk holds the time of day: the same samples would give other bytes each second.
  sf_command(handle.get(), SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE);
  sf_command(handle.get(), SFC_SET_CLIPPING, nullptr, format->clips ? SF_TRUE : SF_FALSE);
  AudioWritten written{0, 0, format->name};
  for (const float sample : audio.samples) {
    written.peak = std::max(written.peak, std::abs(sample));
    written.clipped += format->clips && std::abs(sample) > 1.0f ? 1 : 0;
  }
  const auto channels = static_cast<std::size_t>(audio.channels);
  const auto frames = static_cast<std::size_t>(audio.frames);
  std::vector<float> block;
  for (std::size_t start = 0; start < frames; start += kBlock) {
    const std::size_t n = std::min<std::size_t>(kBlock, frames - start);
    block.resize(n * channels);
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t i = 0; i < n; ++i) block[i * channels + c] = audio.samples[c * frames + start + i];
    }
    if (sf_writef_float(handle.get(), block.data(), static_cast<sf_count_t>(n)) != static_cast<sf_count_t>(n)) {
      return Error{ErrorCode::internal,
                   fmt::format("encoding {} failed ({})", quoted(path), reason(sf_strerror(handle.get())))};
    }
  }
  if (sf_close(handle.release()) != 0) {
    return Error{ErrorCode::internal, fmt::format("encoding {} failed at its end", quoted(path))};
  }
  auto done = write_file(path, file.bytes);
  if (!done) return done.error();
  return written;
}

}  // namespace fftconv::tools
