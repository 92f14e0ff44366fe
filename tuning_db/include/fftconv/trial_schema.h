// The format of exported trials (TuningDb::export_lines), for programs that read or write them.
#pragma once

#include <string_view>

namespace fftconv {

/// JSON Schema (draft 2020-12) of one line: the text of tuning_db/trial.schema.json.
std::string_view trial_schema();

}  // namespace fftconv
