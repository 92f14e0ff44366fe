// Writes the two files of the example: plucked.wav, a few seconds of plucked strings (Karplus and Strong), and
// room.wav, the impulse response of a room (image sources, then noise that decays and darkens). Stereo, 48 kHz, the
// same bytes each time.
#include <sndfile.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

constexpr int kRate = 48000;  ///< samples a second
constexpr int kChannels = 2;

/// Samples in frames of (left, right), -1 … 1.
using Stereo = std::vector<std::array<float, kChannels>>;

/// Uniform in -1 … 1; the same sequence everywhere, unlike the distributions of <random>.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_(seed) {}
  double next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 11) / 4503599627370496.0 - 1.0;
  }

 private:
  std::uint64_t state_;
};

/// Adds one string, plucked at `start` seconds: a burst of noise runs around a delay line as long as the period and
/// loses its high frequencies on the way.
void pluck(Stereo& out, double start, double frequency, double loudness, double right, std::uint64_t seed) {
  Noise noise(seed);
  std::vector<double> line(static_cast<std::size_t>(std::lround(kRate / frequency)));
  for (double& sample : line) sample = noise.next();
  const auto first = static_cast<std::size_t>(start * kRate);
  for (std::size_t n = first, at = 0; n < out.size(); ++n) {
    const std::size_t next = (at + 1) % line.size();
    const double sample = loudness * line[at];
    line[at] = 0.4985 * (line[at] + line[next]);
    out[n][0] += static_cast<float>(sample * std::sqrt(1.0 - right));
    out[n][1] += static_cast<float>(sample * std::sqrt(right));
    at = next;
  }
}

Stereo plucked_strings(double seconds) {
  Stereo out(static_cast<std::size_t>(seconds * kRate));
  // Semitones above A2 of a broken chord, a note each quarter of a second, left as the last notes ring.
  constexpr int notes[] = {0, 7, 12, 16, 19, 16, 12, 7, 5, 12, 17, 21, 24, 21, 17, 12};
  std::uint64_t seed = 1;
  for (const int note : notes) {
    const double start = 0.25 * static_cast<double>(seed - 1);
    if (start >= seconds) break;
    pluck(out, start, 110.0 * std::exp2(note / 12.0), 0.5, 0.2 + 0.6 * ((note * 5) % 12) / 12.0, seed);
    ++seed;
  }
  return out;
}

/// First reflections of a 9 x 6 x 3.5 m room by image sources, as (delay in samples, strength).
void add_reflections(Stereo& room) {
  constexpr double size[] = {9.0, 6.0, 3.5}, source[] = {2.5, 2.0, 1.4};
  constexpr double metres_a_second = 343.0, reflected = 0.82;
  for (int channel = 0; channel < kChannels; ++channel) {
    const double ear[] = {6.1, 3.4 + 0.2 * channel, 1.6};
    for (int image = 0; image < 125; ++image) {
      const int order[] = {image % 5 - 2, image / 5 % 5 - 2, image / 25 - 2};
      double squared = 0, strength = 1;
      for (int axis = 0; axis < 3; ++axis) {
        const double mirrored = order[axis] % 2 ? size[axis] - source[axis] : source[axis];
        const double distance = order[axis] * size[axis] + mirrored - ear[axis];
        squared += distance * distance;
        strength *= std::pow(reflected, std::abs(order[axis]));
      }
      const double metres = std::sqrt(squared);
      const auto at = static_cast<std::size_t>(metres / metres_a_second * kRate);
      if (at < room.size()) room[at][channel] += static_cast<float>(strength / metres);
    }
  }
}

/// Decays by 60 dB over `seconds`; its high frequencies go first.
void add_tail(Stereo& room, double seconds) {
  for (int channel = 0; channel < kChannels; ++channel) {
    Noise noise(1000 + channel);
    double low = 0;
    for (std::size_t n = kRate / 50; n < room.size(); ++n) {
      const double time = static_cast<double>(n) / kRate;
      low += (0.75 * std::exp(-2.5 * time / seconds) + 0.05) * (noise.next() - low);
      room[n][channel] += static_cast<float>(0.06 * low * std::exp(-6.9 * time / seconds));
    }
  }
}

Stereo room_response(double seconds) {
  Stereo room(static_cast<std::size_t>(seconds * kRate));
  add_reflections(room);
  add_tail(room, seconds);
  double energy = 0;
  for (const auto& frame : room) energy += frame[0] * frame[0] + frame[1] * frame[1];
  const auto scale = static_cast<float>(1.0 / std::sqrt(energy));
  for (auto& frame : room) frame = {frame[0] * scale, frame[1] * scale};
  return room;
}

bool write(const std::string& file, const Stereo& samples) {
  SF_INFO info{};
  info.samplerate = kRate;
  info.channels = kChannels;
  info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  SNDFILE* out = sf_open(file.c_str(), SFM_WRITE, &info);
  const auto frames = static_cast<sf_count_t>(samples.size());
  const bool written = out && sf_writef_float(out, samples.data()->data(), frames) == frames;
  const bool closed = out && sf_close(out) == 0;
  if (!written || !closed) std::fprintf(stderr, "%s cannot be written: is there room on the disk?\n", file.c_str());
  return written && closed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_example_audio FOLDER\n");
    return 2;
  }
  const std::string folder = argv[1];
  const bool written =
      write(folder + "/plucked.wav", plucked_strings(6.0)) && write(folder + "/room.wav", room_response(1.2));
  return written ? 0 : 1;
}
