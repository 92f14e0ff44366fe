// Audio files: round trips, truncation, and files that are not what their names say.
#include "audio.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>

#include "files.h"
#include "npy.h"

using namespace fftconv;
using namespace fftconv::tools;
namespace fs = std::filesystem;

namespace {

/// A folder of this test's own, removed with it.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("fftconv-audio-" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

Audio random_audio(int channels, std::int64_t frames, unsigned seed) {
  MESSAGE("seed ", seed);
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-0.9f, 0.9f);
  Audio audio{44100, channels, frames, {}};
  audio.samples.resize(static_cast<std::size_t>(channels * frames));
  for (float& sample : audio.samples) sample = uniform(engine);
  return audio;
}

double relative_error(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(double(a[i]) - b[i], 2);
    norm += std::pow(double(b[i]), 2);
  }
  return std::sqrt(difference / norm);
}

void refused(const fs::path& path, ErrorCode code, const std::string& part) {
  const auto audio = read_audio(path);
  REQUIRE_FALSE(audio.ok());
  CAPTURE(audio.error().message);
  CHECK(audio.error().code == code);
  CHECK(audio.error().message.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("float formats give back every sample exactly, channel by channel") {
  const Folder folder;
  for (const char* name : {"a.wav", "a.w64", "a.rf64", "a.aiff", "a.au", "a.caf"}) {
    CAPTURE(name);
    const Audio audio = random_audio(3, 20001, 5);
    const auto written = write_audio(folder / name, audio);
    REQUIRE(written.ok());
    CHECK(written->clipped == 0);
    const auto read = read_audio(folder / name);
    REQUIRE(read.ok());
    CHECK(read->rate == 44100);
    CHECK(read->channels == 3);
    CHECK(read->frames == 20001);
    CHECK(read->samples == audio.samples);
  }
}

TEST_CASE("FLAC keeps 24 bits") {
  const Folder folder;
  const Audio audio = random_audio(2, 5000, 6);
  REQUIRE(write_audio(folder / "a.flac", audio).ok());
  const auto read = read_audio(folder / "a.flac");
  REQUIRE(read.ok());
  CHECK(relative_error(read->samples, audio.samples) < 2e-7);
}

TEST_CASE("samples above full scale are counted where the format clips, and kept where it does not") {
  const Folder folder;
  Audio audio = random_audio(1, 100, 7);
  audio.samples[10] = 1.5f;
  audio.samples[20] = -2.0f;
  const auto flac = write_audio(folder / "a.flac", audio);
  REQUIRE(flac.ok());
  CHECK(flac->clipped == 2);
  CHECK(flac->peak == 2.0f);
  const auto wav = write_audio(folder / "a.wav", audio);
  REQUIRE(wav.ok());
  CHECK(wav->clipped == 0);
  CHECK(read_audio(folder / "a.wav")->samples[20] == -2.0f);
}

TEST_CASE("the same samples give the same bytes") {
  const Folder folder;
  const Audio audio = random_audio(1, 1000, 8);
  REQUIRE(write_audio(folder / "a.wav", audio).ok());
  const auto first = read_file(folder / "a.wav");
  ::sleep(1);
  REQUIRE(write_audio(folder / "b.wav", audio).ok());
  CHECK(*first == *read_file(folder / "b.wav"));
}

TEST_CASE("a truncated file is refused, whatever its format") {
  const Folder folder;
  const Audio audio = random_audio(2, 30000, 9);
  for (const char* name : {"a.wav", "a.aiff", "a.flac", "a.w64", "a.caf", "a.au", "a.rf64"}) {
    CAPTURE(name);
    REQUIRE(write_audio(folder / name, audio).ok());
    fs::resize_file(folder / name, fs::file_size(folder / name) / 2);
    const auto read = read_audio(folder / name);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().code == ErrorCode::damaged);
  }
  fs::resize_file(folder / "a.wav", 20);
  refused(folder / "a.wav", ErrorCode::damaged, "a.wav'");
}

TEST_CASE("a WAV whose length was not known when it was written is read to its end") {
  const Folder folder;
  REQUIRE(write_audio(folder / "a.wav", random_audio(1, 100, 10)).ok());
  std::fstream file(folder / "a.wav", std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const std::size_t data = bytes.find("data");
  REQUIRE(data != std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(data + 4));
  file.write("\xff\xff\xff\xff", 4);
  file.close();
  const auto read = read_audio(folder / "a.wav");
  REQUIRE(read.ok());
  CHECK(read->frames == 100);
}

TEST_CASE("a file that is not what its name says is refused, with what it is") {
  const Folder folder;
  REQUIRE(write_npy(folder / "a.wav", {{4}, NpyType::f4, {1, 2, 3, 4}}).ok());
  refused(folder / "a.wav", ErrorCode::damaged, "NumPy array");
  REQUIRE(write_file(folder / "b.wav", std::string_view("hello, this is text and not audio at all\n")).ok());
  refused(folder / "b.wav", ErrorCode::damaged, "not an audio file");
  REQUIRE(write_file(folder / "c.wav", std::string_view()).ok());
  refused(folder / "c.wav", ErrorCode::damaged, "empty");
  refused(folder / "none.wav", ErrorCode::invalid_argument, "no file");
  refused(folder / "", ErrorCode::invalid_argument, "folder");
}

TEST_CASE("an extension that names no audio format is refused with those that do") {
  const Folder folder;
  const auto written = write_audio(folder / "a.txt", random_audio(1, 10, 1));
  REQUIRE_FALSE(written.ok());
  CHECK(written.error().code == ErrorCode::invalid_argument);
  CHECK(written.error().message.find("flac") != std::string::npos);
  CHECK(folder.files() == 0);
}

TEST_CASE("a file that cannot be written leaves the old one as it was, and nothing beside it") {
  const Folder folder;
  REQUIRE(write_file(folder / "keep", std::string_view("old")).ok());
  const auto full = write_file("/dev/full", std::string_view("new"));
  REQUIRE_FALSE(full.ok());
  CHECK(full.error().code == ErrorCode::io);
  CHECK_FALSE(write_file(folder / "no/such/folder", std::string_view("new")).ok());
  CHECK_FALSE(write_file(folder / "", std::string_view("new")).ok());
  CHECK(folder.files() == 1);
}

TEST_CASE("a replaced file keeps its permissions, and a link to it stays a link") {
  const Folder folder;
  REQUIRE(write_file(folder / "real", std::string_view("old")).ok());
  fs::permissions(folder / "real", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink(folder / "real", folder / "link");
  REQUIRE(write_file(folder / "link", std::string_view("new")).ok());
  CHECK(fs::is_symlink(folder / "link"));
  const auto bytes = read_file(folder / "real");
  REQUIRE(bytes.ok());
  CHECK(std::memcmp(bytes->data(), "new", 3) == 0);
  CHECK(fs::status(folder / "real").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}
