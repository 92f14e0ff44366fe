// A report as one HTML page that needs nothing else: no network, no script.
#pragma once

#include <string>
#include <string_view>

#include "report/model.h"

namespace fftconv::tools {

std::string page_html(const Report& report);

/// The style sheet inside it (report/page.css).
std::string_view page_css();

}  // namespace fftconv::tools
