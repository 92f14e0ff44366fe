// fftconv-tune report, diff and export --schema, as a user runs them.
#include "fftconv/trial_schema.h"
#include "page_colours.h"
#include "report_fixture.h"
#include "tool_process.h"

using namespace tool_test;
using namespace fftconv;
using namespace fftconv::test;

namespace {

/// An export of the report's sample, and the same where one kernel takes `factor` of the time.
std::string lines(double factor) {
  auto database = TuningDb::open({});
  REQUIRE(database.ok());
  for (Trial trial : report_inputs().trials) {
    Measurement& m = trial.measurement;
    const double centre = m.median * factor;
    m.samples.clear();
    for (int i = 0; i < 15; ++i) m.samples.push_back(centre * (1 + 0.0005 * (i - 7)));
    m.lower_quartile = m.median = m.upper_quartile = centre;
    REQUIRE(database->put(trial).ok());
  }
  std::string text;
  REQUIRE(database->export_lines(text).ok());
  return text;
}

}  // namespace

TEST_CASE("a report is written from a database or from exported lines") {
  const Workplace place;
  place.write("trials.jsonl", lines(1));
  REQUIRE(place.run("tune", {"import", place.file("trials.jsonl")}).status == 0);
  for (const std::vector<std::string>& from : {std::vector<std::string>{}, {"--db", place.file("trials.jsonl")}}) {
    std::vector<std::string> command{"report", "-o", place.file("report.html")};
    command.insert(command.end(), from.begin(), from.end());
    const Output output = place.run("tune", command);
    CAPTURE(output.err);
    REQUIRE(output.status == 0);
    CHECK(contains(output.out, "a report of 64 trials"));
    const std::string page = place.read("report.html");
    CHECK(page.starts_with("<!DOCTYPE html>"));
    for (const char* title : part_titles) CHECK(contains(page, title));
  }
  const Output gpu = place.run("tune", {"report", "-o", place.file("gpu.html"), "--device", "H200"});
  CHECK(contains(gpu.out, "a report of 32 trials"));
}

TEST_CASE("a sweep's trials and what fftconv-bench timed beside a peer are one report") {
  const Workplace place;
  const std::vector<std::string> problem{"-L", "256,384", "-B", "2", "-H", "3", "--device", "cpu"};
  const auto with = [&](std::vector<std::string> command) {
    command.insert(command.end(), problem.begin(), problem.end());
    return command;
  };
  const Output swept = place.run("tune", with({"sweep", "--budget", "4", "--trials", "4"}));
  CAPTURE(swept.err);
  REQUIRE(swept.status == 0);
  const Output timed = place.run("bench", with({"--cold", "--rounds", "3", "-o", place.file("bench.json")}));
  CAPTURE(timed.err);
  REQUIRE(timed.status == 0);
  const std::string bench = place.read("bench.json");
  const Output output =
      place.run("tune", {"report", "-o", place.file("r.html"), "--bench", place.file("bench.json")});
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  const std::string page = place.read("r.html");
  for (const char* row : {"causal/L256/k256/b2/h3", "causal/L384/k384/b2/h3"}) CHECK(contains(page, row));
  const auto peers = Json::parse(bench).at("problems").at(0).at("peers");
  if (peers.empty()) {
    MESSAGE("skipped: no peer here; tools/setup installs FFTW 3");
  } else {
    const std::string name = peers.at(0).at("name");
    CHECK(contains(page, name.substr(0, name.find(','))));
  }
}

TEST_CASE("the page of a real sweep is legible in light, in the dark and on paper, and paper has all of it") {
  FFTCONV_NEEDS_BROWSER();
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Output swept =
      place.run("tune", {"sweep", "--device", "cpu", "-L", "48,64,96", "-H", "2", "--budget", "9", "--trials", "4"});
  CAPTURE(swept.err);
  REQUIRE(swept.status == 0);
  REQUIRE(place.run("tune", {"report", "-o", place.file("r.html")}).status == 0);
  const std::string html = place.read("r.html");
  for (const char* problem : {"causal/L48/", "causal/L64/", "causal/L96/"}) CHECK(contains(html, problem));
  BrowserPage page(browser(), place.file("profile"), "file://" + place.file("r.html"));
  check_colours(page);
  page.emulate("print", "light");
  const Json hidden = hidden_parts(page);
  CAPTURE(hidden.dump());
  CHECK(hidden.at("of").get<int>() > 15);
  for (const char* part : {"sections", "rows", "charts"}) CHECK(hidden.at(part).get<int>() == 0);
}

TEST_CASE("a report that cannot be made is one sentence") {
  const Workplace place;
  check_refused(place.run("tune", {"report", "-o", place.file("r.html")}), 2, "tune", "no tuning database");
  place.write("trials.jsonl", lines(1));
  const std::string db = place.file("trials.jsonl");
  check_refused(place.run("tune", {"report", "--db", db, "-o", place.file("r.html"), "--device", "Z80"}), 2, "tune",
                "no device");
  place.write("bench.json", "{}");
  check_refused(
      place.run("tune", {"report", "--db", db, "-o", place.file("r.html"), "--bench", place.file("bench.json")}), 2,
      "tune", "not what fftconv-bench -o writes");
  CHECK_FALSE(fs::exists(place / "r.html"));
}

TEST_CASE("diff says what became slower, and fails on it where asked to") {
  const Workplace place;
  place.write("a.jsonl", lines(1));
  place.write("b.jsonl", lines(1.3));
  const std::string a = place.file("a.jsonl"), b = place.file("b.jsonl");
  const Output slower = place.run("tune", {"diff", a, b});
  CHECK(slower.status == 0);
  CHECK(contains(slower.out, "0 faster, 16 slower, 0 same, 0 cannot tell"));
  CHECK(place.run("tune", {"diff", a, b, "--fail-on-slower"}).status == 1);
  CHECK(place.run("tune", {"diff", b, a, "--fail-on-slower"}).status == 0);
  const Json json = place.run("tune", {"diff", a, a, "--json"}).json();
  CHECK(json["counts"]["same"] == 16);
  check_refused(place.run("tune", {"diff", a, place.file("none")}), 2, "tune", "no file");
  place.write("words.txt", "not a trial\n");
  const Output words = place.run("tune", {"diff", a, place.file("words.txt")});
  CHECK(words.status == 2);
  CHECK(contains(words.err, "neither a database nor lines that export wrote"));
}

TEST_CASE("export prints its schema without a database") {
  const Workplace place;
  const Output output = place.run("tune", {"export", "--schema"});
  CHECK(output.status == 0);
  CHECK(output.out == std::string(trial_schema()));
  CHECK(output.json()["properties"].contains("predicted_s"));
}
