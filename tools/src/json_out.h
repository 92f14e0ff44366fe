// The nouns as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "fftconv/cost_model.h"
#include "fftconv/device_facts.h"
#include "fftconv/environment.h"
#include "fftconv/measurement.h"
#include "fftconv/problem.h"
#include "fftconv/tuning_db.h"

namespace fftconv::tools {

using Json = nlohmann::ordered_json;

/// Numbers that are not finite have no JSON: they become null.
Json number(double value);

Json to_json(const Problem& problem);  ///< its text and its sizes
Json to_json(const Cost& cost);        ///< seconds
Json to_json(const DeviceFacts& facts);
Json to_json(const Environment& environment);
Json to_json(const Measurement& measurement);
Json to_json(const Trial& trial);

/// Indented, with a newline at the end; text that is not UTF-8 (file names) is made so.
std::string dump(const Json& json);

}  // namespace fftconv::tools
