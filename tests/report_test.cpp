// What a report says, and the page that it becomes.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "report/html.h"
#include "report/plot.h"
#include "report/statistics.h"
#include "report_fixture.h"

using namespace fftconv;
using namespace fftconv::tools;
using namespace fftconv::test;

namespace {

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::string> all_of(const std::string& text, const std::string& pattern, int group = 1) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) found.push_back((*it)[group]);
  return found;
}

/// Variables of the n-th :root rule of the style sheet: light, dark, print.
std::map<std::string, std::string> scheme(std::size_t n) {
  const std::string css(page_css());
  const std::vector<std::string> rules = all_of(css, R"(:root \{([^}]*)\})");
  REQUIRE(rules.size() == 3);
  std::map<std::string, std::string> colours;
  for (const std::string& entry : all_of(rules[n], R"((--\w+: #[0-9a-f]+))")) {
    const std::size_t colon = entry.find(':');
    std::string value = entry.substr(colon + 3);
    if (value.size() == 3) value = {value[0], value[0], value[1], value[1], value[2], value[2]};
    colours[entry.substr(2, colon - 2)] = value;
  }
  return colours;
}

/// WCAG 2.2, relative luminance and contrast ratio.
double luminance(const std::string& colour) {
  REQUIRE(colour.size() == 6);
  double sum = 0;
  constexpr double weights[] = {0.2126, 0.7152, 0.0722};
  for (int i = 0; i < 3; ++i) {
    const double c = std::stoi(colour.substr(2 * i, 2), nullptr, 16) / 255.0;
    sum += weights[i] * (c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
  }
  return sum;
}

double contrast(const std::string& a, const std::string& b) {
  const double x = luminance(a), y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

}  // namespace

TEST_CASE("text from a database cannot become markup") {
  CHECK(escape("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  CHECK(escape("\xC3\xA9\xE2\x80\x93") == "\xC3\xA9\xE2\x80\x93");
  CHECK(escape("a\xFF\x01") == "a\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(escape("\xC0\xBC") == "\xEF\xBF\xBD\xEF\xBF\xBD");  // an overlong '<'
  CHECK(escape("\xE2\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD");  // cut off
  const std::string page = sample_page();
  CHECK_FALSE(holds(page, "<script"));
  CHECK_FALSE(holds(page, "<b onclick"));
  CHECK(holds(page, "&lt;script&gt;document.title=&#39;owned&#39;"));
}

TEST_CASE("the page loads nothing and says so to the browser") {
  const std::string page = sample_page();
  CHECK(holds(page, "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"));
  for (const char* outside : {"http://", "https://", "//", "src=", "@import", "url("}) {
    CAPTURE(outside);
    CHECK_FALSE(holds(page, outside));
  }
}

TEST_CASE("headings descend without a gap, ids are one of a kind and every link has its target") {
  const std::string page = sample_page();
  int level = 0, first_level = 0;
  for (const std::string& digit : all_of(page, "<h([1-6])")) {
    const int next = std::stoi(digit);
    CHECK(next <= level + 1);
    first_level += next == 1 ? 1 : 0;
    level = next;
  }
  CHECK(first_level == 1);
  const std::vector<std::string> ids = all_of(page, " id=\"([^\"]*)\"");
  const std::set<std::string> unique(ids.begin(), ids.end());
  CHECK(unique.size() == ids.size());
  const std::vector<std::string> links = all_of(page, "href=\"#([^\"]*)\"");
  CHECK(links.size() == 1 + 2 * 7);
  for (const std::string& link : links) CHECK(unique.contains(link));
}

TEST_CASE("each device has each part, and each chart a title and a description") {
  const std::string page = sample_page();
  for (const char* title : part_titles) CHECK(all_of(page, fmt::format("(<h3 id=[^>]*>{}</h3>)", title)).size() == 2);
  const std::size_t charts = all_of(page, "(<svg id=)").size();
  CHECK(charts == 2 * 4);
  CHECK(all_of(page, "(<title id=)").size() == charts);
  CHECK(all_of(page, "(<desc id=)").size() == charts);
  CHECK(all_of(page, "(tabindex=\"[1-9])").empty());
}

TEST_CASE("text has contrast 4.5, strokes 3, on every ground of every scheme") {
  for (std::size_t n = 0; n < 3; ++n) {
    const auto colours = scheme(n);
    for (const char* ground : {"paper", "panel"}) {
      for (const char* text : {"ink", "soft", "link", "s0", "s1", "s2", "s3", "s4", "s5"}) {
        CAPTURE(n);
        CAPTURE(text);
        CHECK(contrast(colours.at(text), colours.at(ground)) >= 4.5);
      }
    }
  }
  CHECK(contrast("ffffff", "000000") == doctest::Approx(21));
  CHECK(contrast(scheme(1).at("paper"), scheme(0).at("paper")) > 10);
}

TEST_CASE("series differ in marker and dash, not in colour alone") {
  std::set<std::string> markers;
  std::vector<Series> series;
  for (int style = 0; style < series_styles; ++style) series.push_back({.name = "x", .style = style, .points = {}});
  for (const std::string& path : all_of(legend(series), " d=\"M[0-9. -]*([^\"]*)\"")) markers.insert(path);
  CHECK(markers.size() == series_styles);
  const std::string css(page_css());
  for (int style = 1; style < series_styles; ++style)
    CHECK(holds(css, fmt::format(".line.s{} {{ stroke-dasharray", style)));
}

TEST_CASE("a report keeps environments apart, the latest first, and finds winners, floors and peers") {
  const Report report = make_report(report_inputs());
  REQUIRE(report.sections.size() == 2);
  const Section& gpu = report.sections[0];
  CHECK(gpu.environment == environment_here());
  REQUIRE(gpu.problems.size() == 8);
  CHECK(gpu.problems[0].problem.seqlen == 256);
  CHECK(gpu.problems[0].contests.front().order == 2);
  CHECK(gpu.problems[6].contests.front().order == 4);
  CHECK(gpu.problems[0].floor_s > 0);
  CHECK(gpu.problems[0].peers.size() == 1);
  CHECK(gpu.problems[2].peers.empty());  // measured with another state of the cache
  REQUIRE(gpu.families.size() == 1);
  CHECK(gpu.families[0].lengths == 8);
  CHECK(report.sections[1].problems[0].floor_s == 0);
  CHECK(holds(report.sections[1].floor_source, "not known here"));
  CHECK(report.sections[1].problems[0].peers.empty());
}

TEST_CASE("regret of the first choice is known after a complete exhaustive search alone") {
  const Report report = make_report(report_inputs());
  const auto& problems = report.sections[0].problems;
  REQUIRE(problems[0].regret_of_first.has_value());
  CHECK(*problems[0].regret_of_first == doctest::Approx(0.2));  // order 3 takes 1.2 of order 2 at this length
  CHECK(problems[1].why_no_regret == "search not complete");
  CHECK(problems[2].why_no_regret == "no search on record");

  // A time that says nothing beside the winner's says nothing of the regret either.
  ReportInputs inputs = report_inputs();
  const std::string first = inputs.search(environment_here(), problems[0].problem)->first;
  for (Trial& trial : inputs.trials) {
    if (to_string(trial.config) != first) continue;
    trial.measurement.status = TrialStatus::dropped;
    trial.measurement.reason = std::string(kOtherPace) + "50.0 % slower than the winner by what both raced.";
  }
  const Report later = make_report(inputs);
  CHECK_FALSE(later.sections[0].problems[0].regret_of_first.has_value());
  CHECK(later.sections[0].problems[0].why_no_regret == "first choice timed at another pace of the machine");
}

TEST_CASE("failures are counted by reason, refusals by sentence, errors by precision") {
  const Report report = make_report(report_inputs());
  const Section& section = report.sections[0];
  REQUIRE(section.failures.size() == 1);
  CHECK(section.failures[0].count == 8);
  CHECK(section.failures[0].reason == evil_reason);
  CHECK(section.refused.at("needs <more> registers") == 24);
  REQUIRE(section.errors.size() == 1);
  CHECK(section.errors[0].errors.size() == 24);
  CHECK(section.errors[0].of_budget.back() ==
        doctest::Approx(section.errors[0].errors.back() / error_budget(problem_of(256))));
}

TEST_CASE("outputs that are not finite count as over the budget and are not drawn") {
  ReportInputs inputs = report_inputs();
  inputs.trials[0].measurement.error = INFINITY;
  inputs.trials[1].measurement.error = 0.5;
  const Report report = make_report(inputs);
  CHECK(report.sections[0].errors[0].not_finite == 1);
  CHECK(report.sections[0].errors[0].over == 2);
  const std::string page = page_html(report);
  CHECK(all_of(page, " d=\"([^\"]*(?:nan|inf)[^\"]*)\"").empty());
}

TEST_CASE("an empty database and one of failures alone make a page without charts that cannot be drawn") {
  CHECK(holds(page_html(make_report({})), "Nothing was measured yet"));
  ReportInputs inputs = report_inputs();
  std::erase_if(inputs.trials, [](const Trial& t) { return t.measurement.status == TrialStatus::measured; });
  const std::string page = page_html(make_report(inputs));
  CHECK(holds(page, "No candidate was measured"));
  CHECK_FALSE(holds(page, "nan"));
  CHECK_FALSE(holds(page, "<svg id="));
}

TEST_CASE(
    "rank correlation is 1 for any rising relation, -1 for any falling one, and takes ties at their mean rank") {
  CHECK(rank_correlation({1, 2, 3, 4}, {1, 10, 11, 1e9}) == doctest::Approx(1));
  CHECK(rank_correlation({1, 2, 3, 4}, {4, 3, 2, -5}) == doctest::Approx(-1));
  CHECK(rank_correlation({1, 2, 2, 3}, {1, 2, 3, 4}) == doctest::Approx(0.9486833));  // scipy.stats.spearmanr
  CHECK(rank_correlation({1, 1, 1}, {1, 2, 3}) == 0);
}

TEST_CASE("what fftconv-bench wrote is read, and what it did not is refused") {
  const auto entries = parse_bench(
      R"({"environment":{"device":"D","kind":"cpu"},"cache":"hot","problems":[{"problem":{"text":"P"},"peers":[)"
      R"({"name":"FFTW","median_s":0.5},{"name":"X","missing":"not here"},{"name":"Y","median_s":null}]}]})");
  REQUIRE(entries.ok());
  REQUIRE(entries->size() == 1);
  CHECK(entries->front().device == "D");
  REQUIRE(entries->front().peers.size() == 3);
  CHECK(entries->front().peers[0] == PeerTime{"FFTW", 0.5, ""});
  CHECK(entries->front().peers[1].missing == "not here");
  CHECK(entries->front().peers[2].seconds == 0);
  for (const char* bad : {"", "[]", "{}", "{\"environment\":1,\"cache\":2,\"problems\":[{}]}"})
    CHECK_FALSE(parse_bench(bad).ok());
}

TEST_CASE("axes hold their values and have ticks, however narrow or wide the range") {
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{{1e-9, 1e-9}, {3e-7, 4e-7}, {1e-9, 1e3}}) {
    const Axis axis = log_axis("t", low, high, [](double v) { return fmt::format("{}", v); });
    CHECK(axis.low < low);
    CHECK(axis.high > high);
    CHECK(axis.ticks.size() >= 1);
    CHECK(axis.ticks.size() <= 14);
  }
  CHECK(length_axis(4096, 4096).ticks.size() >= 1);
}
