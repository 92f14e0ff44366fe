// What fftconv-tune sweep says of each search, and the policy and budget that it is told. On the CPU device.
#include <fmt/format.h>

#include <map>
#include <sstream>

#include "search_details.h"
#include "tool_process.h"

using namespace tool_test;

namespace {

std::vector<std::string> sweep_of(const std::string& lengths, const std::vector<std::string>& more) {
  std::vector<std::string> command{"sweep", "--device", "cpu", "--seqlen", lengths, "--precision", "f32"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

Json swept(const Workplace& place, const std::string& lengths, std::vector<std::string> more) {
  more.emplace_back("--json");
  const Output output = place.run("tune", sweep_of(lengths, more));
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  return output.json();
}

/// Values by name of the block of one problem: lines "  <name>  <value>" below the problem's own.
std::multimap<std::string, std::string> block_of(const std::string& text, const std::string& problem) {
  std::multimap<std::string, std::string> values;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line) && line != problem) continue;
  while (std::getline(lines, line) && line.starts_with("  ")) {
    const std::size_t name = line.find(' ', 2), value = line.find_first_not_of(' ', name);
    values.emplace(line.substr(2, name - 2), line.substr(value));
  }
  return values;
}

std::string only(const std::multimap<std::string, std::string>& values, const std::string& name) {
  REQUIRE(values.count(name) == 1);
  return values.find(name)->second;
}

}  // namespace

TEST_CASE(
    "a search says how many candidates there are, were compiled and measured, and the best, as JSON and in words") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Json row = swept(place, "64", {"--trials", "5", "--budget", "60"})["problems"][0];
  CAPTURE(row.dump());

  // The space is the one that inspect lists.
  const Json space =
      place.run("inspect", {"configs", "--device", "cpu", "-L", "64", "--precision", "f32", "--json"}).json();
  const std::size_t candidates = space["configs"].size();
  REQUIRE(candidates > 5);
  CHECK(row["candidates"] == candidates);

  // Every candidate that was tried has a row in the database.
  const Json trials = place.run("tune", {"list", "--all", "--json"}).json();
  const int compiled = row["compiled"], measured = row["measured"], failed = row["failed"], reused = row["reused"];
  CHECK(measured + failed == static_cast<int>(trials.size()));
  CHECK(trials.size() >= 5);
  CHECK(compiled <= measured + failed);
  CHECK(compiled >= measured);
  CHECK(reused == 0);
  const auto has_winner = [&](const Json& trial) { return trial["config"] == row["winner"]["config"]; };
  CHECK(std::count_if(trials.begin(), trials.end(), has_winner) == 1);
  CHECK(std::count_if(space["configs"].begin(), space["configs"].end(),
                      [&](const Json& config) { return config == row["first"]; }) == 1);
  CHECK_FALSE(row["complete"].get<bool>());
  CHECK(row["regret"].is_null());

  // In words: the same numbers. Again, so that nothing is measured and they cannot differ.
  const Output words = place.run("tune", sweep_of("64", {"--trials", "5", "--budget", "60", "--details"}));
  CAPTURE(words.out);
  REQUIRE(words.status == 0);
  const auto block = block_of(words.out, row["problem"]["text"]);
  CHECK(only(block, "candidates") == std::to_string(candidates));
  CHECK(only(block, "compiled") == std::to_string(compiled));
  CHECK(only(block, "measured")
            .starts_with(fmt::format("{} of {}, {} known before", measured, candidates, measured + failed)));
  CHECK(only(block, "best").starts_with(row["winner"]["config"].get<std::string>() + ", "));
  CHECK(only(block, "refused") == "none");
  CHECK(only(block, "regret").starts_with("not known"));
  CHECK(block_of(place.run("tune", sweep_of("64", {"--trials", "5", "--budget", "60"})).out, row["problem"]["text"])
            .empty());
}

TEST_CASE("what is no candidate is counted by reason, as JSON and in words, also where every candidate failed") {
  const Workplace place;
  // On a GPU whose kernels compute nothing.
  const std::vector<std::string> fake{"FFTCONV_LIBCUDA=" FFTCONV_FAKE_LIBCUDA,
                                      "FFTCONV_NVRTC=" FFTCONV_FAKE_LIBNVRTC};
  const auto run = [&](const char* tool, const std::vector<std::string>& words) {
    std::vector<std::string> command = words;
    command.insert(command.end(), {"--device", "cuda", "-L", "4096", "--precision", "f16"});
    return place.run(tool, command, fake);
  };
  const Json space = run("inspect", {"configs", "--json"}).json();
  REQUIRE(space["refused"].size() > 1);
  const Output failed = run("tune", {"sweep", "--trials", "3", "--in-process", "--json"});
  CAPTURE(failed.err);
  REQUIRE(failed.status == 1);
  const Json row = failed.json()["problems"][0];
  CHECK(contains(row["failed"], "candidates failed"));
  CHECK(row["candidates"] == space["configs"].size());
  CHECK(row["compiled"].get<int>() >= 3);
  CHECK(row["measured"] == 0);
  CHECK_FALSE(row.contains("winner"));
  const auto counts = [](const Json& list) {
    std::map<std::string, int> by_reason;
    for (const Json& each : list) by_reason[each["reason"]] += each["count"].get<int>();
    return by_reason;
  };
  const std::map<std::string, int> refused = counts(row["refused"]);
  CHECK(refused == counts(space["refused"]));

  const Output words = run("tune", {"sweep", "--trials", "3", "--in-process", "--details"});
  CAPTURE(words.out);
  const auto block = block_of(words.out, row["problem"]["text"]);
  std::map<std::string, int> told;
  for (auto [at, end] = block.equal_range("refused"); at != end; ++at) {
    const std::size_t colon = at->second.find(": ");
    told[at->second.substr(colon + 2)] += std::stoi(at->second);
  }
  CHECK(told == refused);
  CHECK(only(block, "best") == "none");
  CHECK(only(block, "compiled") == std::to_string(row["compiled"].get<int>()));
}

TEST_CASE("a kernel that is none of the space is told beside it") {
  CHECK(fftconv::tools::measured_text({.candidates = 208, .measured = 12}) == "12 of 208");
  CHECK(fftconv::tools::measured_text({.candidates = 208, .measured = 208}) == "208 of 208");
  CHECK(fftconv::tools::measured_text({.candidates = 208, .measured = 209}) == "208 of 208 + 1");
}

TEST_CASE("after an exhaustive search its regret is a number, as JSON and in words") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  // The portable kernel alone: a space that is searched in seconds.
  const std::vector<std::string> portable{"FFTCONV_LLVM=off"};
  const auto run = [&](const std::vector<std::string>& more) {
    const Output output = place.run("tune", sweep_of("64", more), portable);
    CAPTURE(output.err);
    REQUIRE(output.status == 0);
    return output;
  };
  run({"--rigor", "exhaustive"});
  // Again: nothing is measured, and two answers cannot differ.
  const Json row = run({"--rigor", "exhaustive", "--json"}).json()["problems"][0];
  CAPTURE(row.dump());
  CHECK(row["complete"].get<bool>());
  CHECK(row["reused"].get<int>() >= row["candidates"].get<int>());
  CHECK(row["measured"].get<int>() + row["failed"].get<int>() >= row["candidates"].get<int>());
  CHECK(row["compiled"].get<int>() >= row["measured"].get<int>());
  CHECK(row["regret"].get<double>() >= 0);
  // On a busy machine the first choice may have been timed at another pace than the winner.
  const Json& first = row["regret_of_first"];
  if (first.is_number()) CHECK(first.get<double>() >= row["regret"].get<double>());
  const Output words = run({"--rigor", "exhaustive", "--details"});
  const auto block = block_of(words.out, row["problem"]["text"]);
  CHECK(only(block, "regret") ==
        fmt::format("{:.1f} %; of the model's first choice {}", 100 * row["regret"].get<double>(),
                    first.is_number() ? fmt::format("{:.1f} %", 100 * first.get<double>())
                                      : "not known: it failed, or was timed at another pace of the machine"));
}

TEST_CASE("times with a warm cache have a key of their own, and are not taken for those with a cold one") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const std::string problem = "causal/L64/k64/b1/h1/io-f32/f32/forward";
  const auto reused = [](const Json& json) { return json["problems"][0]["reused"].get<int>(); };
  const auto policies = [&] {
    std::map<std::string, int> rows;
    const Json trials = place.run("tune", {"list", "--all", "--json"}).json();
    for (const Json& trial : trials) ++rows[trial["environment"]["policy"]];
    return rows;
  };
  const auto best = [&] {
    return place.run("tune", {"best", "--device", "cpu", "--problem", problem, "--json"}).json()[0];
  };

  const Json hot = swept(place, "64", {"--trials", "3", "--budget", "60", "--policy", "hot"});
  CHECK(hot["environment"]["policy"] == "hot");
  CHECK(reused(hot) == 0);
  const int hot_trials = policies()["hot"];
  CHECK(hot_trials >= 3);
  CHECK(policies() == std::map<std::string, int>{{"hot", hot_trials}});
  // A plan is of the cold policy: it takes what it has, and says so.
  const Json borrowed = best();
  CHECK(borrowed["policy"] == "cold");
  CHECK(borrowed["provenance"] == "other_toolchain");
  CHECK(contains(borrowed["explanation"], "policy hot instead of cold"));

  const Json cold = swept(place, "64", {"--trials", "3", "--budget", "60"});
  CHECK(cold["environment"]["policy"] == "cold");
  CHECK(reused(cold) == 0);
  CHECK(policies() == std::map<std::string, int>{{"hot", hot_trials}, {"cold", policies()["cold"]}});
  CHECK(policies()["cold"] >= 3);
  const Json own = best();
  CHECK(own["provenance"] == "exact");
  CHECK(own["config"] == cold["problems"][0]["winner"]["config"]);

  const Json again = swept(place, "64", {"--trials", "3", "--budget", "60", "--policy", "hot"});
  CHECK(reused(again) == hot_trials);
  CHECK(policies()["hot"] == hot_trials);
  const Output words = place.run("tune", sweep_of("64", {"--trials", "3", "--budget", "60", "--policy", "hot"}));
  CHECK(contains(words.out, "timed with a warm cache"));
  CHECK(contains(place.run("tune", {"best", "--device", "cpu", "--problem", problem}).out, "policy     cold"));
  const std::string list = place.run("tune", {"list"}).out;
  CHECK(contains(list, " hot "));
  CHECK(contains(list, " cold "));
}

TEST_CASE("a replay takes the policy that it is told") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  place.write("captured", "# fftconv capture 1\n2 1 causal/L64/k64/b1/h1/io-f32/f32/forward\n");
  const Output output = place.run(
      "tune", {"replay", place.file("captured"), "--device", "cpu", "--trials", "1", "--policy", "hot", "--json"});
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  CHECK(output.json()["environment"]["policy"] == "hot");
  const Json trials = place.run("tune", {"list", "--all", "--json"}).json();
  REQUIRE(trials.size() > 0);
  for (const Json& trial : trials) CHECK(trial["environment"]["policy"] == "hot");
}

TEST_CASE("an unknown policy, and a budget for a search that has none, are refused") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  check_refused(place.run("tune", sweep_of("64", {"--policy", "warm"})), 2, "tune", "give cold or hot");
  check_refused(place.run("tune", sweep_of("64", {"--rigor", "exhaustive", "--budget", "5"})), 2, "tune",
                "leave out --budget");
  CHECK(contains(place.run("tune", {"resume"}).err, "nothing to resume"));
}
