// The findings of one launch, in words.
#pragma once

#include <set>
#include <string>
#include <tuple>

#include "fftconv/sim_device.h"
#include "sim/shadow.h"

namespace fftconv::sim {

/// Who made an access, and in which block.
struct Where {
  int block[3] = {0, 0, 0};
  int warp = 0;
  int lane = 0;
};

class Findings {
 public:
  /// Notes a finding unless one of the same kind and lines is there already or 64 are.
  void add(std::string kind, int line, int other_line, std::string message);
  /// What the shadow says about an access to shared memory.
  void add_clash(const Verdict& verdict, const Where& where, int line, bool reads);
  bool full() const { return list_.size() >= limit; }
  bool empty() const { return list_.empty(); }
  /// Whether a finding of this kind and lines would be new.
  bool is_new(const std::string& kind, int line, int other_line) const;
  std::vector<SimFinding> take() { return std::move(list_); }

 private:
  static constexpr std::size_t limit = 64;
  std::vector<SimFinding> list_;
  std::set<std::tuple<std::string, int, int>> known_;
};

/// "block (0,0,0), warp 1, lane 3"
std::string to_string(const Where& where);

}  // namespace fftconv::sim
