// Which samples of the CPU device are thrown away: by scripted readings, and what this machine's own readings show.
#include "cpu/sample_watch.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "cpu/cpu_device.h"

using namespace fftconv;

namespace {

/// A machine as a test scripts it: `now` is what the next launch finds.
struct ScriptedHost {
  struct State {
    ThreadUse use;
    ProcessorClock clock{.hz = 3e9};
  };
  std::shared_ptr<State> now = std::make_shared<State>();

  HostReadings readings() const {
    return {[now = now] { return now->use; }, [now = now] { return now->clock; }};
  }
  /// A launch that the system interrupts so often, and of whose time it takes so much.
  void launch(double seconds, long preempted = 0, double lost_s = 0) const {
    now->use.preempted += preempted;
    now->use.busy_s += seconds - lost_s;
  }
};

struct Watched {
  ScriptedHost host;
  SampleWatch watch{host.readings()};

  Sample sample(long preempted = 0, double lost_s = 0) {
    watch.begin();
    host.launch(1e-3, preempted, lost_s);
    return watch.end(1e-3);
  }
  Sample sample_at(double clock_hz) {
    host.now->clock.hz = clock_hz;
    return sample();
  }
};

constexpr double kMuch = 4e-4, kLittle = 4e-5;  // of a millisecond

}  // namespace

TEST_CASE("a sample that was preempted for more than 5 % of its time is disturbed, another is not") {
  Watched machine;
  const Sample quiet = machine.sample();
  CHECK_FALSE(quiet.throttled);
  CHECK(quiet.seconds == 1e-3);
  CHECK(quiet.clock_hz == 3e9);
  CHECK(machine.sample(1, kMuch).throttled);
  CHECK_FALSE(machine.sample().throttled);
  CHECK_FALSE(machine.sample(3, kLittle).throttled);
  CHECK_FALSE(machine.sample(0, kMuch).throttled);  // it waited for its team
  CHECK(machine.sample(2, kMuch).throttled);
}

TEST_CASE("a launch of more than ten milliseconds is not taken again for being preempted, but for its clock") {
  Watched machine;
  const auto sample = [&](double seconds) {
    machine.watch.begin();
    machine.host.launch(seconds, 3, 0.5 * seconds);
    return machine.watch.end(seconds).throttled;
  };
  CHECK(sample(9e-3));
  CHECK_FALSE(sample(11e-3));
  machine.host.now->clock.hz = 2e9;
  CHECK(sample(11e-3));
}

TEST_CASE("a clock that has dropped by more than a fifth is seen, and that it recovered") {
  Watched machine;
  CHECK_FALSE(machine.sample_at(3e9).throttled);
  CHECK_FALSE(machine.sample_at(2.45e9).throttled);
  const Sample slow = machine.sample_at(2.35e9);
  CHECK(slow.throttled);
  CHECK(slow.clock_hz == 2.35e9);
  CHECK_FALSE(machine.sample_at(2.9e9).throttled);
  CHECK_FALSE(machine.sample_at(4e9).throttled);
  CHECK(machine.sample_at(3e9).throttled);  // the reference has risen
}

TEST_CASE("the first sample has no reference but the nominal clock, where that is known") {
  Watched unknown;
  CHECK_FALSE(unknown.sample_at(1e9).throttled);
  Watched slow, well, blind;
  slow.host.now->clock.nominal_hz = well.host.now->clock.nominal_hz = blind.host.now->clock.nominal_hz = 2.6e9;
  CHECK(slow.sample_at(2e9).throttled);
  CHECK_FALSE(well.sample_at(2.1e9).throttled);
  CHECK_FALSE(blind.sample_at(0).throttled);
}

TEST_CASE("what is always so is not called a disturbance: a race never runs out of samples") {
  for (const bool slow : {false, true}) {
    CAPTURE(slow);
    Watched machine;
    const auto disturbed = [&] { return slow ? machine.sample_at(2e9) : machine.sample(1, kMuch); };
    CHECK_FALSE(machine.sample_at(3e9).throttled);
    int thrown_away = 0;
    for (int i = 0; i < 100; ++i) {
      const bool thrown = disturbed().throttled;
      CHECK(thrown == (i < 6));
      thrown_away += thrown;
    }
    CHECK(thrown_away == 6);
    // Three that are well earn one that is not.
    for (int i = 0; i < 3; ++i) CHECK_FALSE(machine.sample_at(3e9).throttled);
    CHECK(disturbed().throttled);
    CHECK_FALSE(disturbed().throttled);
    // Any number of them earns six.
    for (int i = 0; i < 100; ++i) CHECK_FALSE(machine.sample_at(3e9).throttled);
    for (int i = 0; i < 8; ++i) CHECK(disturbed().throttled == (i < 6));
  }
}

TEST_CASE("the CPU device judges a sample by what happens while it is timed, not by the untimed launch before") {
  struct Preempted : LoadedKernel {
    explicit Preempted(const ScriptedHost& machine) : host(machine) {}
    Result<void> launch(const KernelEntry&, const KernelArgs& args, Stream) const override {
      const auto begin = std::chrono::steady_clock::now();
      while (std::chrono::steady_clock::now() - begin < std::chrono::microseconds(100)) continue;
      host.launch(0, args.batch, 0);
      return {};
    }
    const ScriptedHost& host;
  };
  const ScriptedHost host;
  const auto device = open_cpu_device({.threads = 1, .arch = {}, .executor = nullptr}, host.readings()).value();
  const Preempted kernel(host);
  KernelArgs quiet, preempted;
  quiet.batch = 0;
  preempted.batch = 1;
  // The scripted machine runs on a real one, which may interrupt a launch for longer than one may last.
  const auto sample = [&](const KernelArgs& timed, bool cold, const KernelArgs& warm) {
    Sample taken = device->sample(kernel, {}, timed, cold, &warm).value();
    for (int i = 0; i < 100 && taken.seconds > 9e-3; ++i)
      taken = device->sample(kernel, {}, timed, cold, &warm).value();
    return taken;
  };
  for (const bool cold : {true, false}) {
    CHECK(sample(preempted, cold, quiet).throttled);
    CHECK_FALSE(sample(quiet, cold, preempted).throttled);
  }
  host.now->clock.hz = 2e9;
  const Sample slow = device->sample(kernel, {}, quiet, false).value();
  CHECK(slow.throttled);
  CHECK(slow.clock_hz == 2e9);
}

TEST_CASE("this machine's readings: a clock, and that a thread which shares its processor is preempted") {
  const HostReadings host = real_host_readings();
  const ProcessorClock clock = host.clock();
  CHECK(clock.hz > 1e8);
  CHECK(clock.hz < 1e10);
#if defined(__x86_64__)
  CHECK(clock.nominal_hz > 1e8);
  CHECK(clock.nominal_hz < 1e10);
#endif

  std::atomic<bool> stop = false, seen = false, pinned = true;
  const int processor = sched_getcpu();
  const auto spin = [&](bool watching) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) pinned = false;
    const auto begin = std::chrono::steady_clock::now();
    const ThreadUse before = host.thread_use();
    while (!stop) {
      if (!watching) continue;
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
      const ThreadUse now = host.thread_use();
      seen = now.preempted > before.preempted && spent.count() - (now.busy_s - before.busy_s) > 0.05 * spent.count();
      stop = seen || spent.count() > 20;
    }
  };
  std::thread other(spin, false), watched(spin, true);
  watched.join();
  other.join();
  CHECK(pinned);
  CHECK(seen);
}
