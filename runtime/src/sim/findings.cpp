#include "sim/findings.h"

#include <fmt/format.h>

namespace fftconv::sim {
namespace {

std::string lane_name(const Record& record) {
  if (record.lane() == lane_collective) return fmt::format("warp {} (ldmatrix)", record.warp());
  if (record.lane() == lane_many) return fmt::format("warp {} (several lanes)", record.warp());
  return fmt::format("warp {}, lane {}", record.warp(), record.lane());
}

const char* remedy(const Record& other, const Where& where) {
  return other.warp() == where.warp ? "put a warp_sync between them" : "put a barrier of both warps between them";
}

}  // namespace

std::string to_string(const Where& where) {
  const std::string lane =
      where.lane >= lane_collective ? std::string("all lanes") : fmt::format("lane {}", where.lane);
  return fmt::format("block ({},{},{}), warp {}, {}", where.block[0], where.block[1], where.block[2], where.warp,
                     lane);
}

bool Findings::is_new(const std::string& kind, int line, int other_line) const {
  return !full() && !known_.contains({kind, line, other_line});
}

void Findings::add(std::string kind, int line, int other_line, std::string message) {
  if (full() || !known_.emplace(kind, line, other_line).second) return;
  list_.push_back({std::move(kind), line, other_line, std::move(message)});
}

void Findings::add_clash(const Verdict& verdict, const Where& where, int line, bool reads) {
  const Record& other = verdict.other;
  const int other_line = other ? other.line() : 0;
  const char* kind = verdict.clash == Clash::unwritten ? "unwritten"
                     : verdict.clash == Clash::async   ? "async"
                                                       : "race";
  if (!is_new(kind, line, other_line)) return;
  const std::string at = fmt::format("shared byte {} ({})", verdict.offset, to_string(where));
  switch (verdict.clash) {
    case Clash::none:
      return;
    case Clash::unwritten:
      return add(kind, line, 0, fmt::format("unwritten: line {} reads {}, which nothing has written.", line, at));
    case Clash::async:
      return add(kind, line, other_line,
                 fmt::format("async: line {} {} {} while the asynchronous copy of line {} ({}) may still be under "
                             "way: wait for it first.",
                             line, reads ? "reads" : "writes", at, other_line, lane_name(other)));
    case Clash::read_after_write:
      return add(kind, line, other_line,
                 fmt::format("race: line {} reads {} that line {} writes ({}) in no order: {}.", line, at, other_line,
                             lane_name(other), remedy(other, where)));
    case Clash::write_after_write:
      return add(kind, line, other_line,
                 fmt::format("race: line {} writes {} that line {} also writes ({}) in no order: {}.", line, at,
                             other_line, lane_name(other), remedy(other, where)));
    case Clash::write_after_read:
      return add(kind, line, other_line,
                 fmt::format("race: line {} writes {} that line {} reads ({}) in no order: {}.", line, at, other_line,
                             lane_name(other), remedy(other, where)));
  }
}

}  // namespace fftconv::sim
