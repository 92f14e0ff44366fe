// Fibers: stacks of their own on one thread of the system, switched in 15 to 20 ns (ucontext takes 100 times that).
#pragma once

#include <cstddef>
#include <vector>

namespace fftconv::sim {

/// A suspended flow of control. The thread's own flow is a Fiber too, with no stack of its own.
struct Fiber {
  void* stack_pointer = nullptr;
  void* stack_low = nullptr;  ///< lowest address of the stack
  std::size_t stack_bytes = 0;
  void* sanitizer_stack = nullptr;  ///< ASan's fake stack while suspended
  void* sanitizer_fiber = nullptr;  ///< TSan's fiber
};

/// Stacks for `count` fibers, each above a page that faults. Memory is committed on first touch only.
class FiberStacks {
 public:
  FiberStacks() = default;
  ~FiberStacks();
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;

  /// False where the system refuses the memory.
  bool reserve(std::size_t count, std::size_t stack_bytes);
  /// Makes `fiber` start at entry(argument) on stack `index`. The entry must never return.
  void prepare(Fiber& fiber, std::size_t index, void (*entry)(void*), void* argument) const;

 private:
  void release();
  char* memory_ = nullptr;
  std::size_t mapped_ = 0;
  std::size_t count_ = 0;
  std::size_t stride_ = 0;
};

/// Suspends `from`, continues `to`; returns when someone switches back. `last`: `from` will never be continued.
void switch_fiber(Fiber& from, Fiber& to, bool last = false);
/// The first thing that a new fiber does; `creator` is who switched to it.
void enter_fiber(Fiber& creator);
/// Gives up what a sanitizer holds for a fiber that is not running.
void forget_fiber(Fiber& fiber);
/// The thread's own flow, before the first switch.
void adopt_thread(Fiber& fiber);

}  // namespace fftconv::sim
