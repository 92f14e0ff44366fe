#include "signal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <system_error>

#include "audio.h"
#include "files.h"

namespace fftconv::tools {

Result<Signal> read_signal(const std::filesystem::path& path) {
  if (extension(path) == "npy") {
    auto array = read_npy(path);
    if (!array) return array.error();
    return Signal{path.string(), std::move(array->shape), array->type, 0, std::move(array->values)};
  }
  auto audio = read_audio(path);
  if (!audio) return audio.error();
  return Signal{path.string(),
                {audio->channels, audio->frames},
                NpyType::f4,
                audio->rate,
                {audio->samples.begin(), audio->samples.end()}};
}

Result<void> check_output(const std::filesystem::path& path, const Signal& like) {
  const std::string kind = extension(path);
  if (kind != "npy" && !is_audio_extension(kind)) {
    return invalid(
        fmt::format("the output {} has no known extension; use npy, {}", quoted(path), audio_extensions()));
  }
  std::error_code code;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::is_directory(folder, code)) {
    return invalid(fmt::format("there is no folder {} for the output; create it first", quoted(folder)));
  }
  if (kind == "npy") return {};
  if (like.batch() > 1) {
    return invalid(fmt::format("the output {} is audio and holds one example, the input has {}; write .npy",
                               quoted(path), like.batch()));
  }
  if (like.channels() > std::numeric_limits<int>::max()) {
    return invalid(fmt::format("{} channels are too many for audio; write .npy", like.channels()));
  }
  if (like.rate <= 0) {
    return invalid(fmt::format("the output {} is audio, and no input has a sample rate; give --rate", quoted(path)));
  }
  return {};
}

Result<std::string> write_signal(const std::filesystem::path& path, const Signal& signal) {
  if (auto possible = check_output(path, signal); !possible) return possible.error();
  if (extension(path) == "npy") {
    auto written = write_npy(path, {signal.shape, signal.type, signal.values});
    if (!written) return written.error();
    return fmt::format("shape {}, {}", show_shape(signal.shape),
                       signal.type == NpyType::f2   ? "f2"
                       : signal.type == NpyType::f4 ? "f4"
                                                    : "f8");
  }
  auto written = write_audio(path, {signal.rate,
                                    static_cast<int>(signal.channels()),
                                    signal.length(),
                                    {signal.values.begin(), signal.values.end()}});
  if (!written) return written.error();
  std::string text =
      fmt::format("{} x {} samples at {} Hz, {}", signal.channels(), signal.length(), signal.rate, written->format);
  if (written->clipped > 0) {
    text +=
        fmt::format("; {} samples were clipped, the peak is {:.3g} of full scale: write .wav, or scale the filter",
                    written->clipped, written->peak);
  }
  return text;
}

std::optional<std::string> find_not_finite(const Signal& signal) {
  const auto bad =
      std::find_if(signal.values.begin(), signal.values.end(), [](double v) { return !std::isfinite(v); });
  if (bad == signal.values.end()) return std::nullopt;
  const std::int64_t at = bad - signal.values.begin();
  const std::int64_t row = at / signal.length();
  return fmt::format("{} at (batch {}, channel {}, sample {})", std::isnan(*bad) ? "NaN" : "infinity",
                     row / signal.channels(), row % signal.channels(), at % signal.length());
}

}  // namespace fftconv::tools
