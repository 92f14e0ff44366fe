#include "sim/shadow.h"

#include <algorithm>

namespace fftconv::sim {
namespace {

constexpr int granule_bytes = 2;

}  // namespace

void Clocks::reset(int warps) {
  warps_ = warps;
  epoch_.fill(1);
  for (auto& row : known_) row.fill(0);
}

void Clocks::join(std::uint32_t members) {
  std::array<std::uint32_t, max_warps> latest{};
  for (int w = 0; w < warps_; ++w) {
    if (!(members >> w & 1u)) continue;
    const auto& known = known_[static_cast<std::size_t>(w)];
    for (std::size_t v = 0; v < static_cast<std::size_t>(warps_); ++v) latest[v] = std::max(latest[v], known[v]);
    latest[static_cast<std::size_t>(w)] = std::max(latest[static_cast<std::size_t>(w)], epoch(w));
  }
  for (int w = 0; w < warps_; ++w) {
    if (!(members >> w & 1u)) continue;
    known_[static_cast<std::size_t>(w)] = latest;
    ++epoch_[static_cast<std::size_t>(w)];
  }
}

void Shadow::reset(std::size_t shared_bytes, int warps) {
  granules_.assign((shared_bytes + granule_bytes - 1) / granule_bytes, Granule{{}, {}, -1});
  readers_.clear();
  clocks_.reset(warps);
}

void Shadow::note_read(Granule& granule, Record now) {
  if (granule.readers >= 0) {
    Record& mine = readers_[static_cast<std::size_t>(granule.readers)][static_cast<std::size_t>(now.warp())];
    const bool joined = mine && mine.epoch() == now.epoch() && mine.lane() != now.lane();
    mine = joined ? Record(now.epoch(), now.warp(), lane_many, now.line()) : now;
    return;
  }
  const Record last = granule.read;
  if (last && last.warp() == now.warp() && last.epoch() == now.epoch() && last.lane() != now.lane()) {
    granule.read = Record(now.epoch(), now.warp(), lane_many, now.line());
  } else if (!last || clocks_.ordered(last, now.warp(), now.lane())) {
    granule.read = now;
  } else {
    granule.readers = static_cast<std::int32_t>(readers_.size());
    readers_.emplace_back();
    readers_.back()[static_cast<std::size_t>(last.warp())] = last;
    readers_.back()[static_cast<std::size_t>(now.warp())] = now;
  }
}

Record Shadow::unordered_reader(const Granule& granule, int warp, int lane) const {
  if (granule.readers < 0) {
    return granule.read && !clocks_.ordered(granule.read, warp, lane) ? granule.read : Record();
  }
  for (const Record record : readers_[static_cast<std::size_t>(granule.readers)]) {
    if (record && !clocks_.ordered(record, warp, lane)) return record;
  }
  return {};
}

Verdict Shadow::read(int offset, int bytes, int warp, int lane, int line) {
  Verdict verdict;
  const Record now(clocks_.epoch(warp), warp, lane, line);
  Granule* granule = &granules_[static_cast<std::size_t>(offset / granule_bytes)];
  for (int at = 0; at < bytes; at += granule_bytes, ++granule) {
    const Record write = granule->write;
    Clash clash = Clash::none;
    if (!write) {
      clash = Clash::unwritten;
    } else if (write.pending()) {
      clash = Clash::async;
    } else if (!clocks_.ordered(write, warp, lane)) {
      clash = Clash::read_after_write;
    }
    if (clash != Clash::none && verdict.clash == Clash::none) verdict = {clash, write, offset + at};
    note_read(*granule, now);
  }
  return verdict;
}

Verdict Shadow::write(int offset, int bytes, int warp, int lane, int line, bool pending) {
  Verdict verdict;
  const Record now(clocks_.epoch(warp), warp, lane, line, pending);
  Granule* granule = &granules_[static_cast<std::size_t>(offset / granule_bytes)];
  for (int at = 0; at < bytes; at += granule_bytes, ++granule) {
    const Record write = granule->write;
    Clash clash = Clash::none;
    Record other = write;
    if (write.pending()) {
      clash = Clash::async;
    } else if (write && !clocks_.ordered(write, warp, lane)) {
      clash = Clash::write_after_write;
    } else if ((granule->read || granule->readers >= 0) && (other = unordered_reader(*granule, warp, lane))) {
      clash = Clash::write_after_read;
    }
    if (clash != Clash::none && verdict.clash == Clash::none) verdict = {clash, other, offset + at};
    *granule = {now, {}, -1};
  }
  return verdict;
}

void Shadow::arrive(int offset, int bytes, int warp, int lane, int line) {
  const Record now(clocks_.epoch(warp), warp, lane, line);
  Granule* granule = &granules_[static_cast<std::size_t>(offset / granule_bytes)];
  for (int at = 0; at < bytes; at += granule_bytes, ++granule) granule->write = now;
}

}  // namespace fftconv::sim
