// A sweep's row as it travels between ranks.
#pragma once

#include "fftconv/tuner.h"
#include "json_out.h"

namespace fftconv::tools {

/// Winner, plain default and runner-up are named by their configs; their trials travel beside the row.
Json to_json(const SweepRow& row);
/// The inverse. Throws what the JSON library throws, and std::runtime_error for a trial that is not there.
SweepRow row_of(const Json& json, const std::vector<Trial>& trials);

Environment environment_of(const Json& json);

}  // namespace fftconv::tools
