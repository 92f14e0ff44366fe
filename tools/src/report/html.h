// HTML by parts. Texts from a database are untrusted: only escape() lets them into a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fftconv::tools {

/// For text and for attributes in double quotes, in HTML and SVG: & < > " ' become references, control characters
/// other than tab and newline (and what is not UTF-8) U+FFFD.
std::string escape(std::string_view text);

struct HtmlColumn {
  std::string title;  ///< plain text
  bool numeric = false;
};

/// A table; cells are HTML already. The first column heads its row.
struct HtmlTable {
  std::string caption;  ///< plain text
  std::vector<HtmlColumn> columns;
  std::vector<std::vector<std::string>> rows;
};

/// In a region that scrolls by keyboard where it is wider than the page.
std::string table_html(const HtmlTable& table);
/// The same behind a <details> that says how many rows there are.
std::string folded_table(const HtmlTable& table);

}  // namespace fftconv::tools
