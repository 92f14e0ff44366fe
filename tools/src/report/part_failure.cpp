// Candidates that failed, by reason.
#include <fmt/format.h>

#include "report/html.h"
#include "report/parts.h"

namespace fftconv::tools {

std::string failure_part(const Section& section, const std::string& id) {
  std::string html = heading(id + "-failures", "Candidates that failed");
  if (section.failures.empty()) {
    return html + fmt::format("<p>None of {} trials failed.</p>\n", section.trials);
  }
  int failed = 0;
  HtmlTable table{.caption = "Failures, alike ones together",
                  .columns = {{"status"}, {"candidates", true}, {"reason"}, {"for example"}},
                  .rows = {}};
  for (const FailureGroup& group : section.failures) {
    failed += group.count;
    table.rows.push_back({to_string(group.status), fmt::format("{}", group.count),
                          group.reason.empty() ? "none given" : escape(group.reason), code(group.example)});
  }
  html += fmt::format("<p>{} of {} trials failed, for {} reasons.</p>\n", failed, section.trials,
                      section.failures.size());
  return html + (table.rows.size() > open_rows ? folded_table(table) : table_html(table));
}

}  // namespace fftconv::tools
