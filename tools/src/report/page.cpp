#include "report/page.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "report/html.h"
#include "report/parts.h"
#include "table.h"
#include "version.h"

namespace fftconv::tools {
namespace {

struct Part {
  const char* id;
  const char* title;
};
constexpr Part kParts[] = {{"speed", "Speed against the floor and the peers"},
                           {"orders", "Where each order and strategy wins"},
                           {"predictions", "Predicted against measured"},
                           {"search", "Search and regret"},
                           {"errors", "Error by precision"},
                           {"failures", "Candidates that failed"}};

std::string section_name(const Section& section) {
  const Environment& e = section.environment;
  return fmt::format("{}, {} cache, {}", e.device.empty() ? "unnamed device" : e.device, e.policy, e.compiler);
}

std::string contents(const Report& report) {
  std::string html = "<nav aria-label=\"Contents\"><ol>\n";
  for (std::size_t i = 0; i < report.sections.size(); ++i) {
    html += fmt::format("<li><a href=\"#d{}\">{}</a><ul>", i + 1, escape(section_name(report.sections[i])));
    for (const Part& part : kParts)
      html += fmt::format("<li><a href=\"#d{}-{}\">{}</a></li>", i + 1, part.id, part.title);
    html += "</ul></li>\n";
  }
  return html + "</ol></nav>\n";
}

std::string facts_list(const Section& section) {
  const Environment& e = section.environment;
  const std::pair<const char*, std::string> facts[] = {
      {"device", fmt::format("{} ({})", e.device, e.kind)},
      {"architecture", e.arch},
      {e.kind == "cpu" ? "cores" : "multiprocessors", fmt::format("{}", e.sm_count)},
      {"last cache", show_bytes(static_cast<double>(e.l2_bytes))},
      {"driver", e.driver},
      {"compiler", e.compiler},
      {"generator", e.generator_digest.substr(0, 16)},
      {"cache before a sample", e.policy},
      {"measured", fmt::format("{} to {} UTC", date_text(section.first_time), date_text(section.last_time))},
      {"trials", fmt::format("{} of {} problems", section.trials, section.problems.size())}};
  std::string html = "<dl>";
  for (const auto& [name, value] : facts) html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, escape(value));
  return html + "</dl>\n";
}

std::string section_html(const Section& section, std::size_t number, bool with_bench) {
  const std::string id = fmt::format("d{}", number);
  std::string html =
      fmt::format("<section aria-labelledby=\"{0}\"><h2 id=\"{0}\">{1}</h2>\n", id, escape(section_name(section)));
  return html + facts_list(section) + speed_part(section, id, with_bench) + contest_part(section, id) +
         prediction_part(section, id) + search_part(section, id) + error_part(section, id) +
         failure_part(section, id) + "</section>\n";
}

// Nothing may be loaded, run or sent; the style sheet stands in the page.
constexpr const char* kPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

}  // namespace

std::string heading(const std::string& id, const std::string& text) {
  return fmt::format("<h3 id=\"{}\">{}</h3>\n", id, escape(text));
}

std::string figure(const std::string& content, const std::string& caption) {
  return fmt::format("<figure>\n{}<figcaption>{}</figcaption></figure>\n", content, escape(caption));
}

std::string code(const std::string& text) { return fmt::format("<span class=\"k\">{}</span>", escape(text)); }

std::string date_text(std::int64_t unix_time) {
  const auto time = static_cast<std::time_t>(unix_time);
  std::tm utc{};
  if (unix_time <= 0 || ::gmtime_r(&time, &utc) == nullptr) return "-";
  return fmt::format("{:%Y-%m-%d %H:%M}", utc);
}

std::string percent_text(double share) { return fmt::format("{:+.1f} %", share * 100); }

std::string page_html(const Report& report) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>fftconv: what was measured</title>\n<style>\n{}</style></head>\n<body>\n"
      "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
      "<header><h1>What fftconv measured</h1>\n<p class=\"lead\">{}, {} UTC.{}</p></header>\n",
      kPolicy, page_css(), escape(report.source), date_text(report.made),
      report.filter.empty() ? "" : escape(fmt::format(" Only devices that match “{}”.", report.filter)));
  html += contents(report) + "<main id=\"main\" tabindex=\"-1\">\n";
  if (report.sections.empty()) html += "<p>Nothing was measured yet; fftconv-tune sweep does.</p>\n";
  for (std::size_t i = 0; i < report.sections.size(); ++i)
    html += section_html(report.sections[i], i + 1, report.with_bench);
  return html + fmt::format(
                    "</main>\n<footer><p>Made by {}. Times are medians of what was measured on the device named, "
                    "unless they are called predicted or floor.</p></footer>\n</body></html>\n",
                    escape(version_text("fftconv-tune").substr(0, version_text("fftconv-tune").find('\n'))));
}

}  // namespace fftconv::tools
