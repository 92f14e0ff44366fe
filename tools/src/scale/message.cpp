#include "scale/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json_out.h"
#include "scale/row_json.h"

namespace fftconv::tools {
namespace {

constexpr std::array kNames = {"join", "ask",  "take", "stop", "trials", "leftover",
                               "row",  "kept", "bye",  "end",  "beat"};

Message message_of(const Json& json) {
  Message message;
  const auto name = json.at("kind").get<std::string>();
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) throw std::out_of_range("unknown kind " + name);
  message.kind = static_cast<MessageKind>(found - kNames.begin());
  message.number = json.value("number", std::int64_t{0});
  message.index = json.value("index", std::size_t{0});
  message.share = json.value("share", 1.0);
  message.problems = json.value("problems", std::size_t{0});
  message.finished = json.value("finished", std::size_t{0});
  message.together = json.value("together", true);
  message.lines = json.value("lines", std::string());
  message.text = json.value("text", std::string());
  if (json.contains("problem")) message.problem = parse_problem(json["problem"].get<std::string>()).value();
  if (json.contains("environment")) message.environment = environment_of(json["environment"]);
  if (json.contains("row")) message.row = row_of(json["row"], trials_of(message.lines));
  return message;
}

}  // namespace

std::string to_text(const Message& message) {
  Json json{{"kind", kNames.at(static_cast<std::size_t>(message.kind))}};
  switch (message.kind) {
    case MessageKind::join:
      json["environment"] = to_json(message.environment);
      json["text"] = message.text;
      break;
    case MessageKind::take:
      json["index"] = message.index;
      json["share"] = message.share;
      json["problem"] = to_string(message.problem);
      json["problems"] = message.problems;
      json["finished"] = message.finished;
      json["lines"] = message.lines;
      break;
    case MessageKind::trials:
    case MessageKind::leftover:
      json["number"] = message.number;
      json["lines"] = message.lines;
      break;
    case MessageKind::row:
      json["number"] = message.number;
      json["index"] = message.index;
      json["lines"] = message.lines;
      if (message.row) json["row"] = to_json(*message.row);
      break;
    case MessageKind::kept:
      json["number"] = message.number;
      json["text"] = message.text;
      break;
    case MessageKind::bye:
      json["text"] = message.text;
      break;
    case MessageKind::end:
      json["together"] = message.together;
      break;
    case MessageKind::ask:
    case MessageKind::stop:
    case MessageKind::beat:
      break;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Message> parse_message(const std::string& text) {
  // The JSON library reports by exceptions, and so does Result::value(); they end here.
  try {
    return message_of(Json::parse(text));
  } catch (const std::exception& failure) {
    return invalid(fmt::format("a message of another rank cannot be read: {}", failure.what()));
  }
}

std::string lines_of(const std::vector<Trial>& trials) {
  auto database = TuningDb::open({});
  if (!database) return {};
  for (const Trial& trial : trials) {
    const auto stored = database->put(trial);
    (void)stored;  // one that the database refuses is not worth sending
  }
  std::string lines;
  const auto exported = database->export_lines(lines);
  return exported ? lines : std::string();
}

std::vector<Trial> trials_of(const std::string& lines) {
  std::vector<Trial> trials;
  std::vector<std::string_view> views;
  for (std::string_view rest = lines; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    views.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  auto database = TuningDb::open_lines(views);
  if (!database) return trials;
  const auto visited = database->for_each([&](const Trial& trial) {
    trials.push_back(trial);
    return true;
  });
  if (!visited) trials.clear();
  return trials;
}

}  // namespace fftconv::tools
