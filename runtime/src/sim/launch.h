// One launch: blocks one after another, the warps (or threads) of a block as fibers.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "fftconv/kernel_source.h"
#include "fftconv/sim_device.h"
#include "sim/arena.h"
#include "sim/fiber.h"
#include "sim/findings.h"
#include "sim/shadow.h"

namespace fftconv::sim {

/// Type of a compiled entry point.
using KernelFunction = void (*)(KernelArgs);

/// A copy between its cp.async and the wait that ends it. Nothing moves before the wait, so that a kernel that
/// forgets to wait reads poison.
struct AsyncCopy {
  int destination = 0;
  const void* source = nullptr;  ///< null: fill with zeros
  int bytes = 0;
  int lane = 0;
  int line = 0;
};

/// What a fiber does: a warp in vector mode, a thread in fiber mode.
enum class Activity { ready, block_barrier, group_barrier, collective, done };

/// Operations for which the lanes of a warp come together.
enum class Collective { none, warp_sync, ldmatrix, mma };

struct Agent {
  Fiber fiber;
  int warp = 0;
  int lane = 0;  ///< fiber mode; 0 in vector mode
  Activity activity = Activity::ready;
  int line = 0;                     ///< of the barrier or collective that it waits for
  int group = 0;                    ///< id of the named barrier
  int expected = 0;                 ///< its threads
  std::vector<AsyncCopy> copies;    ///< oldest first
  std::vector<std::size_t> groups;  ///< ends of committed groups, as indices into copies
  std::size_t finished_copies = 0, finished_groups = 0;
};

/// A collective operation of one warp in fiber mode, while its lanes arrive.
struct Meeting {
  Collective kind = Collective::none;
  int line = 0;
  int arrived = 0;
  std::array<void*, lanes_per_warp> result;  ///< of each lane, on its own stack
  std::array<std::array<const void*, 3>, lanes_per_warp> operands;
};

/// Memory that launches reuse: stacks, shared memory, shadow.
struct Workspace {
  FiberStacks stacks;
  std::vector<Agent> agents;
  std::vector<std::byte> shared_storage;
  Shadow shadow;
};

/// Bytes of one allocation that a launch wrote, and those that it read as constant (ldc).
struct Extent {
  std::uintptr_t begin = UINTPTR_MAX;
  std::uintptr_t end = 0;
  int line = 0;
  void add(std::uintptr_t address, int bytes, int at_line) {
    if (address < begin) begin = address, line = at_line;
    if (address + static_cast<std::uintptr_t>(bytes) > end)
      end = address + static_cast<std::uintptr_t>(bytes), line = at_line;
  }
  bool meets(const Extent& other) const { return begin < other.end && other.begin < end; }
};
struct Uses {
  Extent written, constant;
};

struct LaunchRequest {
  KernelFunction function = nullptr;
  const KernelEntry* entry = nullptr;
  const KernelArgs* args = nullptr;
  std::vector<Range> memory;  ///< live allocations, by address
};

class Launch {
 public:
  Launch(const SimOptions& options, LaunchRequest request, Workspace& workspace);
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  /// False where the fibers' stacks cannot be had.
  bool run();
  SimReport take_report();

  /// The launch that this thread is running.
  static Launch& current();

  // What kernels call, through helpers.cpp. Arrays are [component][lane]; a null mask means every lane.
  void load_shared(std::uint32_t* result, const int* offset, const int* mask, int bytes, int line);
  void store_shared(const int* offset, const std::uint32_t* value, const int* mask, int bytes, int line);
  void load_matrix(std::uint32_t* result, const int* row, int matrices, bool transposed, int line);
  void load_global(std::uint32_t* result, const void* base, const int* offset, const int* mask, int bytes,
                   bool constant, int line);
  void store_global(void* base, const int* offset, const std::uint32_t* value, const int* mask, int bytes, int line);
  void copy_async(const int* shared, const void* base, const int* offset, const int* mask, int bytes, int line);
  void commit_copies();
  void wait_copies(int pending, int line);
  void block_sync(int line);
  void group_sync(int id, int threads, int line);
  void warp_sync(int line);
  void multiply(int kind, std::uint32_t* d, const std::uint32_t* a, const std::uint32_t* b0, const std::uint32_t* b1,
                int line);
  int warp() const { return agent_->warp; }
  int lane() const { return agent_->lane; }
  int block(int axis) const { return where_.block[axis]; }

 private:
  bool vector_mode() const { return options_.mode == SimMode::vector; }
  int lanes() const { return vector_mode() ? lanes_per_warp : 1; }  // of one agent
  std::uint32_t active(const int* mask) const;

  // schedule.cpp
  void run_block();
  static void agent_main(void* agent);
  [[noreturn]] void finish();
  void suspend(Activity activity, int line);
  void make_ready(Agent& agent);
  void release_block_barrier();
  void release_group_barrier(int id);
  void release(Activity activity, int id, const char* name);
  /// True for the agent that completes the meeting; the others return when it is over.
  bool meet(Collective kind, int line, void* result, std::array<const void*, 3> operands);
  void end_meeting();
  void report_deadlock();

  // shared_access.cpp
  bool shared_range_ok(int offset, int bytes, int alignment, int lane, int line);
  void check_read(int offset, int bytes, int lane, int line);
  void check_write(int offset, int bytes, int lane, int line, bool pending);
  void count_shared(const int* offset, std::uint32_t active, int bytes);
  void load_matrices(const int* row, int matrices, bool transposed, std::uint32_t* result, int line);

  // global_access.cpp
  enum class Use { read, constant, write };
  const std::byte* global_address(const Range* range, const void* base, int offset, int bytes, int lane, int line,
                                  Use use);
  void note_use(const Range& range, std::uintptr_t address, int bytes, int line, Use use);
  const Range* range_of(std::uintptr_t address);
  void count_global(const void* base, const int* offset, std::uint32_t active, int bytes);

  Where where(int lane) const;
  std::size_t shared_bytes() const { return static_cast<std::size_t>(request_.entry->shared_bytes); }
  std::byte* shared() { return shared_; }

  SimOptions options_;
  LaunchRequest request_;
  Workspace& workspace_;
  Findings findings_;
  SimCounters counters_;
  Where where_;
  std::byte* shared_ = nullptr;
  int warps_ = 0;
  std::size_t agents_ = 0;

  Fiber scheduler_;
  Agent* agent_ = nullptr;  // running
  std::vector<Agent*> ready_;
  int live_ = 0;     // agents that have not finished
  int waiting_ = 0;  // at the block's barrier
  bool aborted_ = false;
  std::array<Meeting, max_warps> meetings_;
  std::uint64_t random_;
  const Range* last_range_ = nullptr;
  std::vector<Uses> uses_;  // of each live allocation
};

}  // namespace fftconv::sim
