// Ctrl-C and a polite kill: the sweep stops where it is, and what it knows is kept.
#pragma once

namespace fftconv::tools {

/// While it lives, the first SIGINT or SIGTERM is remembered instead of ending the process; a second one ends it.
class Interruptible {
 public:
  Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  ~Interruptible();
};

/// The signal that came; 0 = none.
int interrupted();

}  // namespace fftconv::tools
