// The real programs on sound input: what they print, write and remember. On the CPU device.
#include <fmt/format.h>

#include <random>

#include "audio.h"
#include "fftconv/reference.h"
#include "tool_process.h"

using namespace tool_test;
using fftconv::Mode;

namespace {

constexpr const char* kTools[] = {"tune", "inspect", "run", "bench"};
const std::vector<std::string> kNothing = {"FFTCONV_LIBCUDA=off", "FFTCONV_LLVM=off", "FFTCONV_NVRTC=off"};

/// Relative L2 error of an .npy result against fp64, row by row.
double error_of(const Workplace& place, const std::string& result, Mode mode, const std::vector<float>& u,
                const std::vector<float>& k, std::int64_t rows, std::int64_t channels, std::int64_t filters) {
  const auto y = fftconv::tools::read_npy(place / result);
  REQUIRE(y.ok());
  REQUIRE(y->values.size() == u.size());
  fftconv::Problem problem;
  problem.mode = mode;
  problem.seqlen = static_cast<std::int64_t>(u.size()) / rows;
  problem.filter_len = static_cast<std::int64_t>(k.size()) / filters;
  std::vector<double> exact;
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto row = u.begin() + r * problem.seqlen;
    const auto taps = k.begin() + (filters == 1 ? 0 : r % channels) * problem.filter_len;
    const auto part = fftconv::reference_row(problem, std::vector<double>(row, row + problem.seqlen),
                                             std::vector<double>(taps, taps + problem.filter_len));
    exact.insert(exact.end(), part.begin(), part.end());
  }
  return fftconv::relative_l2_error(std::vector<double>(y->values.begin(), y->values.end()), exact);
}

}  // namespace

TEST_CASE("every tool says its version where no library can be loaded") {
  const Workplace place;
  for (const char* tool : kTools) {
    const Output output = place.run(tool, {"--version"}, kNothing);
    CHECK(output.status == 0);
    CHECK(output.err.empty());
    CHECK(output.out.starts_with(fmt::format("fftconv-{} 0.", tool)));
  }
}

TEST_CASE("every tool and every command explains itself") {
  const Workplace place;
  for (const char* tool : kTools) {
    const Output output = place.run(tool, {"--help"}, kNothing);
    CHECK(output.status == 0);
    CHECK(output.err.empty());
    CHECK(contains(output.out, "--version"));
  }
  for (const char* command : {"sweep", "list", "best", "doctor", "export", "import", "merge"}) {
    CHECK(place.run("tune", {command, "--help"}).status == 0);
  }
  for (const char* command : {"source", "ptx", "sass", "resources", "cost", "simulate", "configs"}) {
    CHECK(place.run("inspect", {command, "--help"}).status == 0);
  }
}

TEST_CASE("doctor runs where no library can be loaded, and says what that costs") {
  const Workplace place;
  const Output text = place.run("tune", {"doctor"}, kNothing);
  CHECK(text.status == 0);
  CHECK(contains(text.out, "NVRTC"));
  CHECK(contains(text.out, "without it no CUDA kernel can be compiled"));
  CHECK(contains(text.out, "the CPU device runs its portable kernel"));
  CHECK(contains(text.out, place.file("cache")));
  const Json json = place.run("tune", {"doctor", "--json"}, kNothing).json();
  for (const Json& device : json["devices"]) CHECK(device["available"].get<bool>() == (device["kind"] == "cpu"));
  for (const Json& library : json["libraries"]) {
    const std::string name = library["name"];
    if (name == "NVRTC" || name == "libcuda" || name == "LLVM component") CHECK_FALSE(library["found"].get<bool>());
  }
}

TEST_CASE("nothing measured yet is an empty list, not an error") {
  const Workplace place;
  CHECK(place.run("tune", {"list"}).status == 0);
  CHECK(place.run("tune", {"list", "--json"}).json() == Json::array());
}

TEST_CASE("a sweep on the CPU measures, remembers, and an application then gets the winner") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const std::vector<std::string> problem{"--device", "cpu", "--seqlen", "200,256", "--batch", "2", "--channels", "2"};
  std::vector<std::string> sweep{"sweep", "--budget", "8", "--json"};
  sweep.insert(sweep.end(), problem.begin(), problem.end());
  const Output swept = place.run("tune", sweep);
  CAPTURE(swept.err);
  REQUIRE(swept.status == 0);
  CHECK(contains(swept.err, "2/2 "));
  const Json json = swept.json();
  REQUIRE(json["problems"].size() == 2);
  for (const Json& row : json["problems"]) {
    CHECK(row["winner"]["measurement"]["median_s"].get<double>() > 0);
    CHECK(row["winner"]["measurement"]["error"].get<double>() < 1e-6);
    CHECK(row["winner"]["measurement"]["error"].get<double>() > 0);
  }

  const Json list = place.run("tune", {"list", "--json"}).json();
  CHECK(list.size() == 2);
  CHECK(place.run("tune", {"list", "--json", "--match", "L200/"}).json().size() == 1);
  CHECK(contains(place.run("tune", {"list", "--all"}).out, "causal/L256/k256/b2/h2/io-f32/f32/forward"));

  std::vector<std::string> best{"best", "--json"};
  best.insert(best.end(), problem.begin(), problem.end());
  const Json chosen = place.run("tune", best).json();
  REQUIRE(chosen.size() == 2);
  CHECK(chosen[0]["provenance"] == "exact");
  CHECK(chosen[0]["config"] == json["problems"][0]["winner"]["config"]);

  // What was exported and taken in elsewhere is the same list.
  REQUIRE(place.run("tune", {"export", "-o", place.file("trials.jsonl")}).status == 0);
  const Workplace other;
  CHECK(contains(other.run("tune", {"import", place.file("trials.jsonl")}).out, "trials taken"));
  CHECK(other.run("tune", {"list", "--json"}).json().size() == 2);
  const Workplace third;
  const Output merged =
      third.run("tune", {"merge", "--json", place.file("cache/tuning.db"), other.file("cache/tuning.db")});
  CAPTURE(merged.err);
  CHECK(merged.status == 0);
  CHECK(third.run("tune", {"list", "--json"}).json() == list);
}

TEST_CASE("a second process gets its kernel from the cached binary") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  place.write_npy("k.npy", {256}, random_values(256, 1));
  place.write_npy("u.npy", {3, 256}, random_values(3 * 256, 2));
  const std::vector<std::string> command{
      place.file("k.npy"), place.file("u.npy"), "-o", place.file("y.npy"), "--device", "cpu", "--verify"};
  const Output first = place.run("run", command);
  CAPTURE(first.err);
  REQUIRE(first.status == 0);
  CHECK(first.out.find("from the cache") == std::string::npos);
  const Output second = place.run("run", command);
  CAPTURE(second.err);
  CHECK(second.status == 0);
  CHECK(contains(second.out, "from the cache"));
}

TEST_CASE("a sweep for an architecture without a device compiles and ranks, and says that it measured nothing") {
  const Workplace place;
  const Output swept =
      place.run("tune", {"sweep", "--device", "cuda", "--arch", "sm_90a", "--seqlen", "256", "--json"},
                {"FFTCONV_LIBCUDA=off"});
  if (swept.status == 1 && contains(swept.err, "NVRTC")) return;
  CAPTURE(swept.err);
  REQUIRE(swept.status == 0);
  CHECK(contains(swept.err, "measuring nothing"));
  const Json json = swept.json();
  CHECK_FALSE(json["measured"].get<bool>());
  const Json& compiled = json["problems"][0]["compiled"];
  REQUIRE(compiled.size() > 0);
  CHECK(compiled[0]["registers"].get<int>() > 0);
  CHECK(compiled[0]["predicted"]["total_s"].get<double>() >= json["problems"][0]["floor_s"].get<double>());
  CHECK(place.run("tune", {"list", "--json"}).json() == Json::array());
}

TEST_CASE("run convolves every shape in every mode, and the result is that of fp64") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const unsigned seed = 21;
  MESSAGE("seed ", seed);
  const auto u = random_values(2 * 3 * 101, seed);
  const auto shared = random_values(17, seed + 1);
  const auto own = random_values(3 * 17, seed + 2);
  place.write_npy("u3.npy", {2, 3, 101}, u);
  place.write_npy("u1.npy", {606}, u);
  place.write_npy("k1.npy", {17}, shared);
  place.write_npy("k3.npy", {3, 17}, own);
  for (const Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular}) {
    CAPTURE(to_string(mode));
    const auto run = [&](const char* k, const char* input) {
      const Output output = place.run("run", {place.file(k), place.file(input), "-o", place.file("y.npy"), "--mode",
                                              to_string(mode), "--device", "cpu", "--verify"});
      CAPTURE(output.err);
      REQUIRE(output.status == 0);
      CHECK(contains(output.out, "relative L2 error"));
    };
    run("k1.npy", "u3.npy");
    CHECK(error_of(place, "y.npy", mode, u, shared, 6, 3, 1) < 1e-6);
    run("k3.npy", "u3.npy");
    CHECK(error_of(place, "y.npy", mode, u, own, 6, 3, 3) < 1e-6);
    run("k1.npy", "u1.npy");
    CHECK(error_of(place, "y.npy", mode, u, shared, 1, 1, 1) < 1e-6);
  }
}

TEST_CASE("run keeps the type and the shape of its input") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  using fftconv::tools::NpyType;
  place.write_npy("k.npy", {1}, {1.0f});
  for (const NpyType type : {NpyType::f2, NpyType::f4}) {
    const fftconv::tools::NpyArray input{{2, 5}, type, {1, 2, 3, 4, 5, -1, -2, -3, -4, -5}};
    REQUIRE(fftconv::tools::write_npy(place / "u.npy", input).ok());
    const Output output =
        place.run("run", {place.file("k.npy"), place.file("u.npy"), "-o", place.file("y.npy"), "--device", "cpu"});
    CAPTURE(output.err);
    REQUIRE(output.status == 0);
    const auto y = fftconv::tools::read_npy(place / "y.npy");
    REQUIRE(y.ok());
    CHECK(y->type == type);
    CHECK(y->shape == input.shape);
    for (std::size_t i = 0; i < 10; ++i) CHECK(std::abs(y->values[i] - input.values[i]) < 2e-3f * 5);
  }
}

TEST_CASE("run computes in fp64 where it is told to, from file to file") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  using fftconv::tools::NpyType;
  const auto doubles = [](std::size_t count, unsigned seed) {
    std::vector<double> values(count);
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    for (double& value : values) value = normal(engine);
    return values;
  };
  const std::vector<double> u = doubles(1021, 41), k = doubles(77, 42);
  REQUIRE(fftconv::tools::write_npy(place / "u.npy", {{1021}, NpyType::f8, u}).ok());
  REQUIRE(fftconv::tools::write_npy(place / "k.npy", {{77}, NpyType::f8, k}).ok());
  const Output output = place.run("run", {place.file("k.npy"), place.file("u.npy"), "-o", place.file("y.npy"),
                                          "--device", "cpu", "--precision", "f64", "--verify", "--json"});
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  CHECK(output.json()["error"].get<double>() < 1e-14);
  const auto y = fftconv::tools::read_npy(place / "y.npy");
  REQUIRE(y.ok());
  CHECK(y->type == NpyType::f8);
  fftconv::Problem problem;
  problem.seqlen = 1021;
  problem.filter_len = 77;
  CHECK(fftconv::relative_l2_error(y->values, fftconv::reference_row(problem, u, k)) < 1e-14);
}

TEST_CASE("audio in gives audio out, at its rate and with its channels") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  using fftconv::tools::Audio;
  auto samples = random_values(2 * 3000, 31);
  for (float& sample : samples) sample *= 0.05f;
  REQUIRE(fftconv::tools::write_audio(place / "in.flac", Audio{22050, 2, 3000, samples}).ok());
  REQUIRE(fftconv::tools::write_audio(place / "room.wav", Audio{22050, 1, 3, {1.0f, 0.0f, 0.25f}}).ok());
  const Output output = place.run("run", {place.file("room.wav"), place.file("in.flac"), "-o", place.file("out.wav"),
                                          "--device", "cpu", "--verify", "--json"});
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  CHECK(output.json()["error"].get<double>() < 1e-6);
  const auto in = fftconv::tools::read_audio(place / "in.flac");
  const auto out = fftconv::tools::read_audio(place / "out.wav");
  REQUIRE(out.ok());
  CHECK(out->rate == 22050);
  CHECK(out->channels == 2);
  CHECK(out->frames == 3000);
  double difference = 0, norm = 0;
  for (std::size_t i = 2; i < 3000; ++i) {
    const double exact = in->samples[3000 + i] + 0.25 * in->samples[3000 + i - 2];
    difference += std::pow(out->samples[3000 + i] - exact, 2);
    norm += exact * exact;
  }
  CHECK(std::sqrt(difference / norm) < 1e-6);
}

TEST_CASE("NaN goes through where it is let through") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  auto u = random_values(64, 3);
  u[10] = std::nanf("");
  place.write_npy("u.npy", {64}, u);
  place.write_npy("k.npy", {2}, {1.0f, 0.5f});
  const Output output = place.run(
      "run", {place.file("k.npy"), place.file("u.npy"), "-o", place.file("y.npy"), "--device", "cpu", "--allow-nan"});
  CAPTURE(output.err);
  CHECK(output.status == 0);
  CHECK(place.files() == std::vector<std::string>{"k.npy", "u.npy", "y.npy"});
}

TEST_CASE("inspect shows source, candidates and costs without a GPU") {
  const Workplace place;
  const std::vector<std::string> nowhere{"FFTCONV_LIBCUDA=off", "FFTCONV_LLVM=off"};
  const Output source = place.run("inspect", {"source", "-L", "256", "--arch", "sm_80"}, nowhere);
  CAPTURE(source.err);
  REQUIRE(source.status == 0);
  CHECK(contains(source.out, "FFTCONV_KERNEL("));
  CHECK(contains(source.out, "causal/L256/k256"));
  const Json configs = place.run("inspect", {"configs", "-L", "256", "--arch", "sm_80", "--json"}, nowhere).json();
  REQUIRE(configs["configs"].size() > 10);
  const std::string last = configs["configs"].back();
  CHECK(contains(place.run("inspect", {"source", "-L", "256", "--arch", "sm_80", "--config", last}, nowhere).out,
                 last));
  const Json orders =
      place.run("inspect", {"configs", "-L", "4096", "--arch", "sm_80", "--order", "3", "--json"}, nowhere).json();
  REQUIRE(orders["configs"].size() > 0);
  for (const Json& config : orders["configs"]) CHECK(config.get<std::string>().starts_with("p3:"));
  const Json cost = place.run("inspect", {"cost", "-L", "4096", "--top", "3", "--json"}, nowhere).json();
  REQUIRE(cost["ranking"].size() == 3);
  CHECK(cost["ranking"][0]["total_s"].get<double>() <= cost["ranking"][1]["total_s"].get<double>());
  CHECK(cost["ranking"][0]["eq2_s"].get<double>() > 0);
}

TEST_CASE("inspect compiles without a GPU, and counts what the algorithm asks for") {
  const Workplace place;
  if (!has_cpu_device(place)) return;  // the simulation needs LLVM too
  const Output ptx = place.run("inspect", {"ptx", "-L", "256", "--arch", "sm_90a"}, {"FFTCONV_LIBCUDA=off"});
  if (ptx.status == 2 && contains(ptx.err, "NVRTC")) return;
  CHECK(contains(ptx.out, ".target sm_90a"));
  const Output output = place.run("inspect", {"resources", "-L", "256", "-B", "64", "--arch", "sm_90a", "--json"},
                                  {"FFTCONV_LIBCUDA=off"});
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  const Json json = output.json();
  CHECK(json["registers"].get<int>() > 0);
  CHECK(json["spill_bytes"].get<int>() == 0);
  CHECK(json["opcodes"]["HMMA"].get<int>() > 0);
  CHECK(json["simulated"]["counters"]["mma"].get<double>() == json["algorithm_products"].get<double>());
  CHECK(json["simulated"]["findings"].empty());
}

TEST_CASE("inspect simulates with every check, in both modes") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  for (const bool fibers : {false, true}) {
    std::vector<std::string> arguments{"simulate", "-L", "100", "-B", "3", "--seed", "5", "--json"};
    if (fibers) arguments.push_back("--fibers");
    const Output output = place.run("inspect", arguments, {"FFTCONV_LIBCUDA=off"});
    CAPTURE(output.err);
    REQUIRE(output.status == 0);
    const Json json = output.json();
    CHECK(json["findings"].empty());
    CHECK(json["error"].get<double>() > 0);
    CHECK(json["error"].get<double>() < 2e-3);
    CHECK(json["counters"]["mma"].get<int>() > 0);
  }
}

TEST_CASE("bench compares the kernel with the floor and with what is installed") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Output output = place.run("bench", {"--device", "cpu", "-L", "256,300", "-B", "2", "-H", "4", "--rounds", "5",
                                            "-o", place.file("bench.json")});
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  CHECK(contains(output.out, "causal/L300/k300/b2/h4/io-f32/f32/forward"));
  const Json json = Json::parse(place.read("bench.json"));
  REQUIRE(json["problems"].size() == 2);
  for (const Json& row : json["problems"]) {
    CHECK(row["median_s"].get<double>() > 0);
    CHECK(row["floor_s"].get<double>() > 0);
    CHECK(row["error"].get<double>() > 0);
    CHECK(row["error"].get<double>() < 1e-6);
    for (const Json& peer : row["peers"]) {
      if (peer.contains("missing")) continue;
      CHECK(peer["median_s"].get<double>() > 0);
      CHECK(peer["error"].get<double>() < 1e-6);
    }
  }
}
