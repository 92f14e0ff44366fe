#include "tune/interrupt.h"

#include <signal.h>

#include <array>
#include <atomic>

namespace fftconv::tools {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM};
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a signal handler reaches nothing else
std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not wait for a lock");

}  // namespace

Interruptible::Interruptible() {
  received = 0;
  struct sigaction action {};
  action.sa_handler = [](int signal) { received = signal; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
}

Interruptible::~Interruptible() {
  for (const int signal : kSignals) ::signal(signal, SIG_DFL);
}

int interrupted() { return received; }

}  // namespace fftconv::tools
