// Who wrote and who read each 2 bytes of shared memory, and whether something orders that with what happens next.
//
// Time is counted per warp: a warp's epoch ends at every barrier that it takes part in, warp_sync included. A barrier
// tells every participant the epochs of all (a vector clock), so that named barriers over some warps, and warp_sync
// inside one, order exactly what they order on the GPU.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace fftconv::sim {

constexpr int lanes_per_warp = 32;
constexpr int max_warps = 32;
constexpr int lane_collective = 32;  ///< ldmatrix: reads for the whole warp
constexpr int lane_many = 33;        ///< several lanes of the warp

/// One access, packed: it is compared for every 2 bytes that a kernel touches.
class Record {
 public:
  Record() = default;
  Record(std::uint32_t epoch, int warp, int lane, int line, bool pending = false)
      : bits_(std::uint64_t{epoch} << 32 | std::uint64_t(warp) << 27 | std::uint64_t(lane) << 21 |
              std::uint64_t{pending} << 20 | (std::uint64_t(line) & 0xfffffu)) {}
  explicit operator bool() const { return bits_ != 0; }
  std::uint32_t epoch() const { return static_cast<std::uint32_t>(bits_ >> 32); }
  int warp() const { return static_cast<int>(bits_ >> 27 & 31u); }
  int lane() const { return static_cast<int>(bits_ >> 21 & 63u); }
  bool pending() const { return bits_ >> 20 & 1u; }  ///< an asynchronous copy that nothing has waited for
  int line() const { return static_cast<int>(bits_ & 0xfffffu); }
  bool operator==(const Record&) const = default;

 private:
  std::uint64_t bits_ = 0;
};

/// What each warp knows of the others' time.
class Clocks {
 public:
  void reset(int warps);
  std::uint32_t epoch(int warp) const { return epoch_[static_cast<std::size_t>(warp)]; }
  /// Whether `record` happened before an access by (warp, lane) now.
  bool ordered(Record record, int warp, int lane) const {
    return record.epoch() <= known_[static_cast<std::size_t>(warp)][static_cast<std::size_t>(record.warp())] ||
           (record.warp() == warp && record.lane() == lane);
  }
  /// A barrier of the warps in `members` (bit w = warp w).
  void join(std::uint32_t members);

 private:
  int warps_ = 0;
  std::array<std::uint32_t, max_warps> epoch_{};
  std::array<std::array<std::uint32_t, max_warps>, max_warps> known_{};
};

enum class Clash { none, unwritten, async, read_after_write, write_after_write, write_after_read };

/// The first thing wrong with an access, and the access that it collides with.
struct Verdict {
  Clash clash = Clash::none;
  Record other;
  int offset = 0;  ///< byte in shared memory
};

class Shadow {
 public:
  void reset(std::size_t shared_bytes, int warps);
  Clocks& clocks() { return clocks_; }

  /// Checks and notes an access of [offset, offset + bytes) by (warp, lane) in `line`.
  Verdict read(int offset, int bytes, int warp, int lane, int line);
  Verdict write(int offset, int bytes, int warp, int lane, int line, bool pending = false);
  /// A copy that was pending has arrived, seen by (warp, lane) now.
  void arrive(int offset, int bytes, int warp, int lane, int line);

 private:
  // Readers of one granule that nothing orders with each other, by warp. Rare: only where warps share tables.
  using Readers = std::array<Record, max_warps>;
  struct Granule {
    Record write;
    Record read;           // the last one, or
    std::int32_t readers;  // index into readers_, -1 where there is one at most
  };
  void note_read(Granule& granule, Record now);
  Record unordered_reader(const Granule& granule, int warp, int lane) const;

  std::vector<Granule> granules_;
  std::vector<Readers> readers_;
  Clocks clocks_;
};

}  // namespace fftconv::sim
