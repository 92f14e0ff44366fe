// Executor: where the CPU device gets its threads. An application that has a pool of its own (TBB, OpenMP, the job
// system of a game) implements this interface and hands it over in CpuOptions, so that there is one pool and not two.
//
// What the CPU device promises:
// - It starts no thread of its own when it has been given an executor, but for measuring the machine's rates when
//   facts() are first asked for and for background plans (async_plan.h).
// - It is in run() once at a time. A launch from another thread meanwhile, and one from a thread whose threads() is
// 1,
//   runs on the calling thread alone.
// - While several threads of the application launch at once, helpers leave the launch that has them, so that no more
//   threads compute than the device has, or than the application itself brings where these are more.
// - Results are bit by bit the same for any number of threads.
#pragma once

#include <memory>

namespace fftconv {

class Executor {
 public:
  using Task = void (*)(void* context, int index);

  virtual ~Executor() = default;

  /// Threads that run() has for the calling thread, that one included; at least 1. Give 1 where the calling thread is
  /// at work for the pool already and others are to be left alone: with OpenMP, `omp_in_parallel() ? 1 :
  /// omp_get_max_threads()`. Called from many threads at once, and often.
  virtual int threads() const = 0;

  /// Calls task(context, i) once for each i from 0 to count - 1 and returns when all of these calls have. They do not
  /// throw. `count` is at most threads(). They gain from running at once, but need not: one after another, in any
  /// order and on any threads, is right, too.
  virtual void run(Task task, void* context, int count) = 0;
};

/// The pool that the CPU device makes where it is given none: `threads` (at least 1) threads, the caller's included,
/// which sleep while there is nothing to do. threads() is 1 in its own tasks and in a forked process; a run() while
/// another one goes on is done by the calling thread alone.
std::shared_ptr<Executor> make_thread_pool(int threads);

}  // namespace fftconv
