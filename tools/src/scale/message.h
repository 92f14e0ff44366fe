// What ranks write to each other: JSON texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fftconv/tuner.h"

namespace fftconv::tools {

enum class MessageKind {
  join,      ///< rank to coordinator: I search in this environment
  ask,       ///< rank to coordinator: a problem, please
  take,      ///< answer: this one; `lines` are its trials that are known already
  stop,      ///< answer: there will be no more
  trials,    ///< rank to coordinator: these have been measured
  leftover,  ///< rank to coordinator: trials of an earlier job that ended before they were sent
  row,       ///< rank to coordinator: the problem is finished; `lines` are all its trials
  kept,      ///< answer: message `number` is stored; where not, `text` says why
  bye,       ///< rank to coordinator: I am done, or cannot go on (`text`)
  end,       ///< to all: the job is over
  beat,      ///< both ways: I am alive
};

struct Message {
  MessageKind kind = MessageKind::beat;
  std::int64_t number = 0;  ///< trials, leftover, row, kept: counts a rank's messages that are to be stored
  std::size_t index = 0;    ///< take, row
  double share = 1;         ///< take, as Assignment::share
  Problem problem;          ///< take
  std::size_t problems = 0, finished = 0;  ///< take: of this environment
  bool together = true;                    ///< end: no rank was lost
  std::string lines;                       ///< JSON lines of trials
  std::string text;                        ///< join: "node7-1234"; bye, kept: why not
  Environment environment;                 ///< join
  std::optional<SweepRow> row;             ///< row
};

std::string to_text(const Message& message);
/// Errors: invalid_argument, with what is wrong. A row's trials (winner, plain default, runner-up) are those of
/// `lines`.
Result<Message> parse_message(const std::string& text);

/// Trials as JSON lines, and back; lines that are no trial are left out.
std::string lines_of(const std::vector<Trial>& trials);
std::vector<Trial> trials_of(const std::string& lines);

}  // namespace fftconv::tools
