// The real tool's sweep over candidates that misbehave, on real kernels of the CPU: each costs its own row.
#include <map>

#include "fakes/planted.h"
#include "fftconv/device.h"
#include "fftconv/search_space.h"
#include "thinned.h"
#include "tool_process.h"

using namespace fftconv;
using namespace tool_test;

namespace {

struct Kind {
  const char* plant;
  const char* status;  ///< of its row; "": it is well
  const char* reason;  ///< words of it
};

// Long beside any candidate that is well, also on a busy machine; who hangs waits for it twice.
constexpr const char *kRunLimit = "8", *kCompileLimit = "10";

// With the CPU device planted_worker compiles some from another source and does the harm of the others around the
// kernel.
constexpr Kind kKinds[] = {{"crash", "crashed", "signal 11"},
                           {"hang", "timed_out", "within 8 s"},
                           {"memory", "crashed", "its limit is 0.537 GB"},
                           {"print", "", ""},
                           {"channel", "crashed", "what is no answer"},
                           {"exit", "crashed", "ended with status 0"},
                           {"context", "launch_failed", "illegal memory access"},
                           {"poison", "crashed", "when it runs after this"},
                           {"wrong", "wrong_result", ""},
                           {"nan", "wrong_result", "not finite"},
                           {"outside", "wrong_result", "beside y"},
                           {"inputs", "wrong_result", "changed its input"},
                           {"text", "compile_failed", ""},
                           {"compile-crash", "crashed", "while it was compiling"},
                           {"compile-hang", "timed_out", "within 10 s while it was compiling"},
                           {"compile-memory", "crashed", "its limit is 0.537 GB"},
                           {"compile-exit", "crashed", "while it was compiling"}};

const char* const kProblem = "causal/L96/k96/b1/h2/io-f32/f32/forward";

}  // namespace

TEST_CASE("a sweep with one candidate of each kind of misbehaviour ends well, with everything else measured") {
  const Workplace place;
  const auto device = open_cpu_device();
  if (!device || !(*device)->facts().compiles) {
    MESSAGE("skipped: there is no compiler for the CPU device");
    return;
  }
  const SearchSpace space = search_space(parse_problem(kProblem).value(), (*device)->facts());
  std::map<std::string, const Kind*> plants;
  std::string text;
  std::size_t next = 1;
  for (const Kind& kind : kKinds) {
    if (test::kSanitized && std::string(kind.plant).ends_with("memory")) continue;  // no limit there
    REQUIRE(next < space.configs.size());
    const std::string config = to_string(space.configs[next]);
    next += 2;
    plants[config] = &kind;
    text += std::string(kind.plant) + " " + config + "\n";
  }
  place.write("plants", text);

  const Output swept =
      place.run("tune",
                {"sweep", "--device", "cpu", "--problem", kProblem, "--rigor", "exhaustive", "--compile-limit",
                 kCompileLimit, "--run-limit", kRunLimit, "--memory-limit", "512M", "--json"},
                {std::string("FFTCONV_WORKER=") + FFTCONV_PLANTED_WORKER,
                 std::string(test::kPlantsVariable) + "=" + place.file("plants")});
  CAPTURE(swept.err);
  CHECK(swept.status == 0);
  const Json answer = swept.json();
  CAPTURE(answer.dump(1));

  std::map<std::string, Json> rows;
  for (const Json& trial : place.run("tune", {"list", "--all", "--json"}).json()) {
    rows[trial["config"].get<std::string>()] = trial["measurement"];
  }
  CHECK(rows.size() >= space.configs.size());  // and the plain default, where it is none of them
  for (const KernelConfig& config : space.configs) {
    const std::string name = to_string(config);
    CAPTURE(name);
    REQUIRE(rows.contains(name));
    const Json& row = rows[name];
    const std::string status = row["status"], reason = row.value("reason", "");
    CAPTURE(reason);
    const auto plant = plants.find(name);
    const Kind* kind = plant == plants.end() ? nullptr : plant->second;
    CAPTURE((kind ? kind->plant : "well"));
    if (kind == nullptr || *kind->status == 0) {
      CHECK((status == "measured" || status == "dropped"));
      CHECK(row["median_s"].get<double>() > 0);
      CHECK(row["error"].get<double>() > 0);
    } else {
      CHECK(status == kind->status);
      CHECK(reason.find(kind->reason) != std::string::npos);
    }
  }

  const Output best = place.run("tune", {"list", "--json"});
  REQUIRE(best.json().size() == 1);
  CHECK(best.json()[0]["measurement"]["status"] == "measured");
  const auto winner = plants.find(best.json()[0]["config"].get<std::string>());
  CHECK((winner == plants.end() || *winner->second->status == 0));

  const Output exported = place.run("tune", {"export"});
  CHECK(exported.status == 0);
  CHECK(std::count(exported.out.begin(), exported.out.end(), '\n') == static_cast<std::ptrdiff_t>(rows.size()));
  for (const auto& [config, kind] : plants) CHECK(exported.out.find(config) != std::string::npos);
}

TEST_CASE("limits of workers that make no sense are refused") {
  const Workplace place;
  const auto with = [&](const char* option, const char* value) {
    return place.run("tune", {"sweep", "--device", "cpu", "--seqlen", "64", option, value});
  };
  check_refused(with("--compile-limit", "0"), 2, "tune", "limit of 0 s");
  check_refused(with("--run-limit", "-3"), 2, "tune", "limit of -3 s");
  check_refused(with("--memory-limit", "0"), 2, "tune", "memory limit of 0 bytes");
  check_refused(with("--memory-limit", "much"), 2, "tune", "memory limit 'much' is not a size");
}
