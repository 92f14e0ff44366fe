// tests/targets/cpu_peers: what it makes of fftconv-bench's figures, on pieces small enough to be measured here.
#include "tool_process.h"

using namespace tool_test;

namespace {

class Peers {
 public:
  /// The program with a peer that is always here, on rows of 64 and 48 samples.
  Output run(std::vector<std::string> more = {}) const {
    std::vector<std::string> command{"/usr/bin/python3", FFTCONV_SOURCE_DIR "/tests/targets/cpu_peers"};
    for (const char* word : {"--lengths", "64", "--between", "48", "--modes", "causal", "--threads", "1", "--rounds",
                             "3", "--rigor", "estimate", "--peer", "pffft=" FFTCONV_FAKE_PEERS}) {
      command.emplace_back(word);
    }
    command.insert(command.end(), {"--bench", FFTCONV_BIN_DIR "/fftconv-bench", "--state", place.file("state")});
    if (more.empty()) more = {"--samples", "2K"};
    command.insert(command.end(), more.begin(), more.end());
    return place.run_command(command);
  }

  /// Changes a piece's file through `change`.
  template <class Change>
  void edit(const std::string& piece, const Change& change) const {
    Json json = Json::parse(place.read("state/" + piece));
    change(json);
    place.write("state/" + piece, json.dump());
  }

  Workplace place;
};

/// The line of a target; null where there is none.
Json target(const Output& output, const std::string& name) {
  std::istringstream lines(output.out);
  for (std::string line; std::getline(lines, line);) {
    Json json = Json::parse(line, nullptr, false);
    if (json.is_object() && json["target"] == name) return json;
  }
  return {};
}

bool can_run(const Workplace& place) {
  const bool python = ::access("/usr/bin/python3", X_OK) == 0;
  if (!python) MESSAGE("skipped: no /usr/bin/python3");
  return python && has_cpu_device(place);
}

constexpr const char* kBest = "CPU: faster than the best peer, 1 thread";
constexpr const char* kBetween = "CPU: time per sample where L is no power of two, over the power above, 1 thread";

}  // namespace

TEST_CASE("figures are judged by what was measured, and a run goes on from the pieces that are there") {
  const Peers peers;
  if (!can_run(peers.place)) return;
  const Output first = peers.run();
  CAPTURE(first.err);
  REQUIRE((first.status == 0 || first.status == 1));
  CHECK(contains(first.err, "1-causal-64 "));
  CHECK(contains(first.out, "| L | fftconv | PFFFT | best peer / fftconv |"));
  CHECK(contains(target(first, kBest)["note"], "not here: fftw, fftw-patient, kfr, mkl"));

  struct Case {
    double peer, error, between;  ///< times our time, ours, times that of the power above
    int status;
  };
  for (const Case& one :
       {Case{3, 2e-7, 1.2, 0}, Case{2, 2e-7, 1.2, 1}, Case{3, 6e-7, 1.2, 1}, Case{3, 2e-7, 1.4, 1}}) {
    peers.edit("1-causal-64.json", [&](Json& piece) {
      Json& problem = piece["problems"][0];
      problem["error"] = one.error;
      problem["peers"][0]["median_s"] = one.peer * problem["median_s"].get<double>();
    });
    peers.edit("1-causal-48-alone.json", [&](Json& piece) {
      const auto samples = [&](int i) {
        const Json& problem = piece["problems"][i]["problem"];
        return problem["batch"].get<double>() * problem["channels"].get<double>() * problem["seqlen"].get<double>();
      };
      piece["problems"][0]["median_s"] =
          one.between * piece["problems"][1]["median_s"].get<double>() / samples(1) * samples(0);
    });
    const Output output = peers.run();
    CAPTURE(output.err);
    CHECK(output.err.empty());  // nothing was measured again
    CHECK(output.status == one.status);
    CHECK(target(output, kBest)["value"].get<double>() == doctest::Approx(one.peer).epsilon(0.01));
    CHECK(target(output, kBest)["met"] == (one.peer > 2.2));
    CHECK(target(output, "CPU: relative error")["met"] == (one.error < 5e-7));
    CHECK(target(output, kBetween)["value"].get<double>() == doctest::Approx(one.between).epsilon(0.01));
    CHECK(target(output, kBetween)["met"] == (one.between < 1.3));
  }

  fs::remove(peers.place / "state/1-causal-48.json");
  CHECK(peers.run().err == "1-causal-48 …\n");
}

TEST_CASE("pieces of another kind are not mixed, and without a peer nothing is judged") {
  const Peers peers;
  if (!can_run(peers.place)) return;
  const auto refused = [](const Output& output, const char* part) {
    CAPTURE(output.out);
    CHECK(output.status == 2);
    CHECK(contains(output.err, part));
    CHECK(output.out.empty());
  };
  REQUIRE(peers.run().status != 2);
  refused(peers.run({"--samples", "4K"}), "of another build or other arguments; give --again or --state");
  refused(peers.run({"--samples", "2K", "--lengths", "many"}), "'many' is no length");
  refused(peers.run({"--bench", peers.place.file("none")}), "is not built");
  refused(peers.run({"--samples", "2K", "--again", "--peer", "kfr=/nowhere.so"}), "/nowhere.so cannot be opened");
  const std::vector<std::string> alone{"/usr/bin/python3", FFTCONV_SOURCE_DIR "/tests/targets/cpu_peers",
                                       "--lengths",        "64",
                                       "--between",        "",
                                       "--modes",          "causal",
                                       "--threads",        "1",
                                       "--samples",        "1K",
                                       "--rigor",          "estimate",
                                       "--peer",           "scipy=/bin/true",
                                       "--bench",          FFTCONV_BIN_DIR "/fftconv-bench",
                                       "--state",          peers.place.file("alone")};
  refused(peers.place.run_command(alone), "no peer is here to be compared with");
}
