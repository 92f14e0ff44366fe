// What fftconv-bench wrote.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/model.h"

namespace fftconv::tools {
namespace {

using Json = nlohmann::json;

PeerTime peer_of(const Json& json) {
  PeerTime peer{.name = json.at("name").get<std::string>()};
  if (json.contains("missing")) {
    peer.missing = json.at("missing").get<std::string>();
  } else if (json.at("median_s").is_number() && json.at("median_s").get<double>() > 0) {
    peer.seconds = json.at("median_s").get<double>();
  } else {
    peer.missing = "its time is no number";
  }
  return peer;
}

}  // namespace

Result<std::vector<BenchEntry>> parse_bench(const std::string& text) {
  // The JSON library reports by exceptions; they end here.
  try {
    const Json json = Json::parse(text);
    std::vector<BenchEntry> entries;
    for (const Json& row : json.at("problems")) {
      BenchEntry entry{.device = json.at("environment").at("device").get<std::string>(),
                       .kind = json.at("environment").at("kind").get<std::string>(),
                       .problem = row.at("problem").at("text").get<std::string>(),
                       .cache = json.at("cache").get<std::string>(),
                       .peers = {}};
      for (const Json& peer : row.at("peers")) entry.peers.push_back(peer_of(peer));
      entries.push_back(std::move(entry));
    }
    return entries;
  } catch (const std::exception& failure) {
    return invalid(fmt::format("this is not what fftconv-bench -o writes: {}", failure.what()));
  }
}

}  // namespace fftconv::tools
