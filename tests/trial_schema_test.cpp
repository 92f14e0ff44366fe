// The published format of exported trials: what export writes keeps to it, and what import does beside it.
#include "fftconv/trial_schema.h"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "exchange.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;
using Json = nlohmann::json;

namespace {

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  FAIL("the check knows no type ", type);
  return false;
}

/// The keywords that trial.schema.json uses; one that is not known here fails, so that none is passed over.
std::string violation(const Json& schema, const Json& value, const std::string& where = "") {
  for (const auto& [keyword, rule] : schema.items()) {
    if (keyword == "$schema" || keyword == "title" || keyword == "description") continue;
    if (keyword == "type") {
      if (!has_type(value, rule.get<std::string>())) return where + " is no " + rule.get<std::string>();
    } else if (keyword == "const") {
      if (value != rule) return where + " is not " + rule.dump();
    } else if (keyword == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end()) return where + " is none of " + rule.dump();
    } else if (keyword == "minimum") {
      if (value.is_number() && value.get<double>() < rule.get<double>()) return where + " is too small";
    } else if (keyword == "maximum") {
      if (value.is_number() && value.get<double>() > rule.get<double>()) return where + " is too large";
    } else if (keyword == "minLength") {
      if (value.is_string() && value.get<std::string>().size() < rule.get<std::size_t>()) return where + " is empty";
    } else if (keyword == "required") {
      for (const Json& key : rule)
        if (!value.contains(key.get<std::string>())) return where + " lacks " + key.dump();
    } else if (keyword == "properties") {
      for (const auto& [key, inner] : rule.items()) {
        if (!value.contains(key)) continue;
        if (std::string bad = violation(inner, value.at(key), where + "/" + key); !bad.empty()) return bad;
      }
    } else if (keyword == "items") {
      for (const Json& item : value)
        if (std::string bad = violation(rule, item, where + "/item"); !bad.empty()) return bad;
    } else if (keyword == "anyOf") {
      const bool any = std::any_of(rule.begin(), rule.end(),
                                   [&](const Json& one) { return violation(one, value, where).empty(); });
      if (!any) return where + " is none of what it may be";
    } else {
      return "the check does not know the keyword " + keyword;
    }
  }
  return {};
}

Json schema() { return Json::parse(trial_schema()); }

Json line_of(const Trial& trial) { return Json::parse(format_line(trial)); }

Trial good() { return trial_of(environment_here(), problem_of(1024), config_of(4), 1e-3); }

std::string refusal(const std::string& line) {
  const auto trial = parse_line(line);
  return trial ? "taken" : trial.error().message;
}

std::string replaced(const std::string& from, const std::string& to) {
  std::string line = format_line(good());
  const std::size_t at = line.find(from);
  REQUIRE(at != std::string::npos);
  return line.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("every exported line keeps to the schema") {
  const unsigned seed = 7;
  MESSAGE("seed ", seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 500; ++i) {
    Trial trial = random_trial(random);
    if (i % 3 == 0) trial.predicted_s = 1e-3;
    if (i % 5 == 0) trial.measurement.error = std::numeric_limits<double>::infinity();
    CHECK(violation(schema(), line_of(trial)) == "");
  }
}

TEST_CASE("the schema names each key of a line, and each key that it names is written") {
  Trial trial = good();
  trial.predicted_s = 1e-3;
  const auto keys = [](const Json& object) {
    std::set<std::string> names;
    for (const auto& [key, value] : object.items()) names.insert(key);
    return names;
  };
  const Json line = line_of(trial);
  CHECK(keys(schema()["properties"]) == keys(line));
  CHECK(keys(schema()["properties"]["environment"]["properties"]) == keys(line["environment"]));
}

TEST_CASE("what the schema calls required is, for the schema and for import") {
  const Json line = line_of(good()), rules = schema();
  for (const Json& key : rules["required"]) {
    Json without = line;
    without.erase(key.get<std::string>());
    CHECK(violation(schema(), without) != "");
    CHECK(refusal(without.dump()) != "taken");
  }
  for (const Json& key : rules["properties"]["environment"]["required"]) {
    Json without = line;
    without["environment"].erase(key.get<std::string>());
    CHECK(violation(schema(), without) != "");
    CHECK(refusal(without.dump()) != "taken");
  }
}

TEST_CASE("keys that import does not know are passed over") {
  const auto trial = parse_line(replaced("{\"format\":1", "{\"later\":{\"a\":[1]},\"format\":1"));
  REQUIRE(trial.ok());
  CHECK(same(*trial, good()));
}

TEST_CASE("lines that parsers may read in two ways are refused") {
  CHECK(refusal(replaced("\"median\":", "\"median\":0.5,\"median\":")).find("twice") != std::string::npos);
  CHECK(refusal(replaced("\"kind\":", "\"kind\":\"cpu\",\"kind\":")).find("twice") != std::string::npos);
  CHECK(refusal(replaced("\"format\":1", "\"format\":1.5")) != "taken");
  CHECK(refusal(replaced("\"format\":1", "\"format\":2")).find("format is 2") != std::string::npos);
  CHECK(refusal(format_line(good()) + "{}") != "taken");
}

TEST_CASE("numbers that do not fit are refused, not bent") {
  for (const char* number : {"NaN", "1e999", "-1e-3", "\"1\"", "null", "Infinity"}) {
    CAPTURE(number);
    CHECK(refusal(replaced("\"compile_s\":0.0", std::string("\"compile_s\":") + number)) != "taken");
  }
  for (const char* number :
       {"18446744073709551615", "9223372036854775808", "1e30", "1.5", "99999999999999999999999"}) {
    CAPTURE(number);
    CHECK(refusal(replaced("\"unix_time\":1795521600", std::string("\"unix_time\":") + number)) != "taken");
    CHECK(refusal(replaced("\"registers\":0", std::string("\"registers\":") + number)) != "taken");
  }
}

TEST_CASE("bytes that are not UTF-8 are refused") {
  CHECK(refusal(replaced("NVIDIA", "NV\xFFIA")) != "taken");
  CHECK(refusal(replaced("NVIDIA", "NV\xC0\xAFIA")) != "taken");
  CHECK(refusal(replaced("NVIDIA", "NV\xED\xA0\x80IA")) != "taken");
}

TEST_CASE("an infinite error survives in both directions") {
  for (const double sign : {1.0, -1.0}) {
    Trial trial = good();
    trial.measurement.error = sign * std::numeric_limits<double>::infinity();
    const auto back = parse_line(format_line(trial));
    REQUIRE(back.ok());
    CHECK(back->measurement.error == trial.measurement.error);
  }
}
