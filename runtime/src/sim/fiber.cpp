#include "sim/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

// ucontext is the spare for other processors; defining FFTCONV_UCONTEXT tries it on these.
#if !defined(FFTCONV_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define FFTCONV_UCONTEXT 1
#endif

#if defined(FFTCONV_UCONTEXT)
#include <ucontext.h>
#elif defined(__x86_64__)
// Saves what a called function must preserve, then exchanges the stacks.
asm(R"(
.text
.p2align 4
.type fftconv_sim_switch,@function
fftconv_sim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size fftconv_sim_switch,.-fftconv_sim_switch
.type fftconv_sim_start,@function
fftconv_sim_start:
  movq %r13, %rdi
  callq *%r12
  ud2
.size fftconv_sim_start,.-fftconv_sim_start
)");
#else
asm(R"(
.text
.p2align 4
.type fftconv_sim_switch,%function
fftconv_sim_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size fftconv_sim_switch,.-fftconv_sim_switch
.type fftconv_sim_start,%function
fftconv_sim_start:
  mov x0, x20
  blr x19
  brk #0
.size fftconv_sim_start,.-fftconv_sim_start
)");
#endif

#ifndef FFTCONV_UCONTEXT
extern "C" {
void fftconv_sim_switch(void** save, void* load) __attribute__((visibility("hidden")));
void fftconv_sim_start() __attribute__((visibility("hidden")));
}
#endif

namespace fftconv::sim {
namespace {

std::size_t page_bytes() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

#ifdef FFTCONV_UCONTEXT
// A context lives at the low end of its fiber's stack; the thread's own apart.
thread_local ucontext_t own_context;

void raw_switch(Fiber& from, Fiber& to) {
  if (!from.stack_pointer) from.stack_pointer = &own_context;
  swapcontext(static_cast<ucontext_t*>(from.stack_pointer), static_cast<ucontext_t*>(to.stack_pointer));
}

void start(unsigned entry_high, unsigned entry_low, unsigned argument_high, unsigned argument_low) {
  const auto join = [](unsigned high, unsigned low) { return std::uintptr_t{high} << 32 | low; };
  reinterpret_cast<void (*)(void*)>(join(entry_high, entry_low))(
      reinterpret_cast<void*>(join(argument_high, argument_low)));
}
#else
void raw_switch(Fiber& from, Fiber& to) { fftconv_sim_switch(&from.stack_pointer, to.stack_pointer); }
#endif

}  // namespace

FiberStacks::~FiberStacks() { release(); }

void FiberStacks::release() {
  if (memory_) munmap(memory_, mapped_);
  memory_ = nullptr;
  count_ = stride_ = mapped_ = 0;
}

bool FiberStacks::reserve(std::size_t count, std::size_t stack_bytes) {
  const std::size_t stride = round_up(stack_bytes, page_bytes()) + page_bytes();
  if (count <= count_ && stride <= stride_) return true;
  release();
  void* memory =
      mmap(nullptr, count * stride, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  memory_ = static_cast<char*>(memory);
  mapped_ = count * stride;
  count_ = count;
  stride_ = stride;
  for (std::size_t i = 0; i < count; ++i) mprotect(memory_ + i * stride, page_bytes(), PROT_NONE);
  return true;
}

void FiberStacks::prepare(Fiber& fiber, std::size_t index, void (*entry)(void*), void* argument) const {
  char* low = memory_ + index * stride_ + page_bytes();
  const std::size_t bytes = stride_ - page_bytes();
  fiber.stack_low = low;
  fiber.stack_bytes = bytes;
  fiber.sanitizer_stack = nullptr;
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(low, bytes);  // of the fiber that had this stack before
#endif
#if defined(__SANITIZE_THREAD__)
  fiber.sanitizer_fiber = __tsan_create_fiber(0);
#endif
#if defined(FFTCONV_UCONTEXT)
  auto* context = reinterpret_cast<ucontext_t*>(low);
  getcontext(context);
  const std::size_t used = round_up(sizeof(ucontext_t), 64);
  context->uc_stack.ss_sp = low + used;
  context->uc_stack.ss_size = bytes - used;
  context->uc_link = nullptr;
  const auto high_half = [](void* value) {
    return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(value) >> 32);
  };
  const auto low_half = [](void* value) { return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(value)); };
  auto* function = reinterpret_cast<void*>(entry);
  makecontext(context, reinterpret_cast<void (*)()>(start), 4, high_half(function), low_half(function),
              high_half(argument), low_half(argument));
  fiber.stack_pointer = context;
#elif defined(__x86_64__)
  // Six registers, the address to return to, and two slots that keep the stack aligned at the call in the start stub.
  auto** top = reinterpret_cast<void**>(low + bytes) - 9;
  std::memset(top, 0, 9 * sizeof(void*));
  top[2] = argument;                        // r13
  top[3] = reinterpret_cast<void*>(entry);  // r12
  top[6] = reinterpret_cast<void*>(&fftconv_sim_start);
  fiber.stack_pointer = top;
#else
  auto** top = reinterpret_cast<void**>(low + bytes - 160);
  std::memset(top, 0, 160);
  top[0] = reinterpret_cast<void*>(entry);                // x19
  top[1] = argument;                                      // x20
  top[11] = reinterpret_cast<void*>(&fftconv_sim_start);  // x30
  fiber.stack_pointer = top;
#endif
}

void switch_fiber(Fiber& from, Fiber& to, [[maybe_unused]] bool last) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(last ? nullptr : &from.sanitizer_stack, to.stack_low, to.stack_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(to.sanitizer_fiber, 0);
#endif
  raw_switch(from, to);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(from.sanitizer_stack, nullptr, nullptr);
#endif
}

void enter_fiber([[maybe_unused]] Fiber& creator) {
#if defined(__SANITIZE_ADDRESS__)
  const void* low = nullptr;
  __sanitizer_finish_switch_fiber(nullptr, &low, &creator.stack_bytes);
  creator.stack_low = const_cast<void*>(low);
#endif
}

void forget_fiber([[maybe_unused]] Fiber& fiber) {
#if defined(__SANITIZE_THREAD__)
  if (fiber.sanitizer_fiber) __tsan_destroy_fiber(fiber.sanitizer_fiber);
  fiber.sanitizer_fiber = nullptr;
#endif
}

void adopt_thread([[maybe_unused]] Fiber& fiber) {
#if defined(__SANITIZE_THREAD__)
  fiber.sanitizer_fiber = __tsan_get_current_fiber();
#endif
}

}  // namespace fftconv::sim
