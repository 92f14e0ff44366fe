// fftconv-bench and its peers: that each is called as its library wants it is shown on libraries that compute by
// definition; the real ones are compared where they are installed.
#include <map>

#include "tool_process.h"

using namespace tool_test;

namespace {

constexpr const char* kLibraries[] = {"fftw", "fftw-patient", "pffft", "kfr", "mkl"};

const std::string kPython = std::string(FFTCONV_SOURCE_DIR) + "/tests/fakes/python";

/// The peers' entries of a problem, by how they were asked for.
std::map<std::string, Json> peers_of(const Json& problem) {
  std::map<std::string, Json> found;
  for (const Json& peer : problem["peers"]) found[peer["peer"].get<std::string>()] = peer;
  return found;
}

Json bench(const Workplace& place, std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
  arguments.insert(arguments.end(), {"--device", "cpu", "--json", "--rounds", "3"});
  const Output output = place.run("bench", arguments, std::move(environment));
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  return output.json();
}

std::vector<std::string> with_fakes(std::vector<std::string> arguments) {
  for (const std::string name : kLibraries) {
    arguments.insert(arguments.end(), {"--peer", name + "=" FFTCONV_FAKE_PEERS});
  }
  return arguments;
}

std::optional<std::string> python3() {
  for (const char* path : {"/usr/bin/python3", "/usr/local/bin/python3"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  MESSAGE("skipped: no python3 in /usr/bin or /usr/local/bin");
  return std::nullopt;
}

}  // namespace

TEST_CASE("every library's calls give the convolution, in every mode, at odd and prime lengths") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Json json =
      bench(place, with_fakes({"-L", "3,37,64", "--mode", "causal,anticausal,bidirectional", "-B", "2", "-H", "3",
                               "--problem", "causal/L50/k7/b2/h4/io-f32/f32/forward/groups-2"}));
  REQUIRE(json["problems"].size() == 10);
  for (const Json& problem : json["problems"]) {
    CAPTURE(problem["problem"]["text"].get<std::string>());
    const auto peers = peers_of(problem);
    for (const char* name : kLibraries) {
      CAPTURE(name);
      const Json& peer = peers.at(name);
      CAPTURE(peer.dump());
      REQUIRE_FALSE(peer.contains("missing"));
      CHECK(peer["error"].get<double>() > 0);
      CHECK(peer["error"].get<double>() < 1e-6);
      CHECK(peer["median_s"].get<double>() > 0);
    }
  }
}

TEST_CASE("circular rows are read and written in place, and a length that a library lacks is said to be missing") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Json json = bench(place, with_fakes({"-L", "64,100", "--mode", "circular", "-B", "3", "-H", "2"}));
  for (const Json& problem : json["problems"]) {
    const auto peers = peers_of(problem);
    for (const char* name : kLibraries) {
      const Json& peer = peers.at(name);
      CAPTURE(peer.dump());
      if (name == std::string("pffft") && problem["problem"]["seqlen"] == 100) {
        CHECK(contains(peer["missing"], "multiple of 32"));
      } else {
        CHECK(peer["error"].get<double>() < 1e-6);
      }
    }
  }
}

TEST_CASE("a patient plan that is slower than a measured one is not what FFTW is quoted with") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Json json = bench(place, {"-L", "32,40", "--peer", "fftw-patient=" FFTCONV_FAKE_PEERS});
  CHECK(contains(json["problems"][0]["peers"][0]["name"], "r2c at 64, MEASURE (PATIENT chose a plan that takes"));
  CHECK(contains(json["problems"][1]["peers"][0]["name"], "r2c at 80, PATIENT"));
}

TEST_CASE("wisdom that cannot be kept is said, and the peer left out") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Json json = bench(
      place, {"-L", "100", "--peer", "fftw-patient=" FFTCONV_FAKE_PEERS, "--fftw-wisdom", place.file("wisdom")});
  CHECK(contains(json["problems"][0]["peers"][0]["missing"], "wisdom cannot be written to '" + place.file("wisdom")));
}

TEST_CASE("MKL is told that it may use this processor's vectors, and says what it dispatches to") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Json json = bench(place, {"-L", "100", "--peer", "mkl=" FFTCONV_FAKE_PEERS});
  CHECK(contains(json["problems"][0]["peers"][0]["name"], "MKL 2021.1, real at 200, for the widest vectors"));
}

TEST_CASE("single precision is not raced against fp64") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Json json = bench(place, {"-L", "64", "--precision", "f64", "--peer", "kfr=" FFTCONV_FAKE_PEERS});
  CHECK(json["problems"][0]["median_s"].get<double>() > 0);
  CHECK(contains(json["problems"][0]["peers"][0]["missing"], "peers are used in single precision"));
}

TEST_CASE("samples choose batch and channels") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Json json = bench(place, {"-L", "64,1000,70000", "--samples", "64K", "--no-peers"});
  REQUIRE(json["problems"].size() == 3);
  const auto text = [&](std::size_t i) { return json["problems"][i]["problem"]["text"].get<std::string>(); };
  CHECK(contains(text(0), "causal/L64/k64/b32/h32/"));
  CHECK(contains(text(1), "causal/L1000/k1000/b8/h8/"));
  CHECK(contains(text(2), "causal/L70000/k70000/b1/h1/"));
}

TEST_CASE("a peer that cannot be had is refused before anything is measured") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  place.write("text.so", "no library");
  struct Case {
    std::vector<std::string> arguments;
    const char* part;
  };
  const Case cases[] = {
      {{"--peer", "fftw=/nowhere/libfftw3f.so"}, "/nowhere/libfftw3f.so cannot be opened; the peer 'fftw'"},
      {{"--peer", "kfr=" + place.file("text.so")}, "text.so cannot be opened; the peer 'kfr'"},
      {{"--peer", "torch=/nowhere/python3"}, "no program '/nowhere/python3'"},
      {{"--peer", "torch=" + place.file("text.so")}, "text.so' to run the peer 'torch'"},
      {{"--peer", "numpy"}, "'numpy' is no peer on this device; give fftw, fftw-patient, pffft"},
      {{"--peer", "cufft"}, "'cufft' is no peer on this device"},
      {{"--peer", "kfr=" FFTCONV_FAKE_PEERS, "--peer", "kfr=" FFTCONV_FAKE_PEERS}, "named twice"},
      {{"--peer", "kfr", "--no-peers"}, "contradict"},
      {{"--samples", "1M", "--batch", "2"}, "leave out --batch"},
      {{"--samples", "many"}, "many"},
  };
  for (const Case& one : cases) {
    std::vector<std::string> arguments{"-L", "64", "--device", "cpu"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    check_refused(place.run("bench", arguments), 2, "bench", one.part);
  }
}

TEST_CASE("a peer in Python shares the data, is timed by its own clock, and may print what it likes") {
  const auto python = python3();
  const Workplace place;
  if (!python || !has_cpu_device(place)) return;
  const Json json = bench(
      place,
      {"-L", "5,16", "--mode", "causal,anticausal,circular", "-B", "2", "-H", "3", "--peer", "torch=" + *python},
      {"PYTHONPATH=" + kPython});
  REQUIRE(json["problems"].size() == 6);
  for (const Json& problem : json["problems"]) {
    const Json& peer = problem["peers"][0];
    CAPTURE(peer.dump());
    REQUIRE(peer.contains("error"));
    CHECK(contains(peer["name"], "torch fake (without MKL), rfft at "));
    CHECK(peer["error"].get<double>() < 1e-6);
    CHECK(peer["median_s"].get<double>() > 0);
  }
}

TEST_CASE("a peer in Python that fails, dies or lacks its module costs its own figures and no more") {
  const auto python = python3();
  const Workplace place;
  if (!python || !has_cpu_device(place)) return;
  const std::map<std::string, std::string> reasons{{"import", "is not compared: No module named 'half_of_it'"},
                                                   {"raise", "failed: RuntimeError: two"},
                                                   {"die", "ended without an answer"}};
  for (const auto& [failure, reason] : reasons) {
    const Json json =
        bench(place, {"-L", "16", "--peer", "torch=" + *python}, {"PYTHONPATH=" + kPython, "FAKE_TORCH=" + failure});
    CHECK(json["problems"][0]["median_s"].get<double>() > 0);
    CHECK(contains(json["problems"][0]["peers"][0]["missing"], reason));
  }
  const Json json = bench(place, {"-L", "16", "--peer", "torch=/bin/true"});
  CHECK(contains(json["problems"][0]["peers"][0]["missing"], "is that a Python 3?"));
}

TEST_CASE("the table has a line for each contender and says once what is not here") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Output output = place.run("bench", {"--device", "cpu", "-L", "64,100", "--rounds", "3", "--peer",
                                            "pffft=" FFTCONV_FAKE_PEERS, "--peer", "scipy=/bin/true"});
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  CHECK(contains(output.out, "PFFFT, real at 128, its own order"));
  CHECK(contains(output.out, "PFFFT, real at 256, its own order"));
  const std::size_t first = output.out.find("scipy under '/bin/true'");
  REQUIRE(first != std::string::npos);
  CHECK(output.out.find("scipy under '/bin/true'", first + 1) == std::string::npos);
}
