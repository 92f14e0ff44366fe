// Who measures on a device that several processes share.
#include "scale/measure_lock.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "child_process.h"
#include "fake_bench.h"

namespace fftconv {
namespace {

using tools::MeasureLock;

std::unique_ptr<MeasureLock> open_lock(const TemporaryDirectory& folder) {
  auto lock = MeasureLock::open(folder.path(), "measure-test");
  REQUIRE(lock);
  return std::move(*lock);
}

struct Pipe {
  Pipe() { REQUIRE(::pipe(ends.data()) == 0); }
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void say(char c) const { REQUIRE(::write(ends[1], &c, 1) == 1); }
  /// The next byte; 0 where none comes within `wait_ms`.
  char hear(int wait_ms = -1) const {
    pollfd poll{.fd = ends[0], .events = POLLIN, .revents = 0};
    char c = 0;
    if (::poll(&poll, 1, wait_ms) == 1 && ::read(ends[0], &c, 1) != 1) c = 0;
    return c;
  }
  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("two processes never time at once") {
  const TemporaryDirectory folder;
  const Pipe inside;
  std::vector<pid_t> children;
  for (int child = 0; child < 2; ++child) {
    children.push_back(test::start_child([&] {
      auto lock = MeasureLock::open(folder.path(), "measure-test");
      if (!lock) return 2;
      for (int i = 0; i < 200; ++i) {
        (*lock)->lock(MeasureLock::Use::time);
        inside.say('(');
        inside.say(')');
        (*lock)->unlock();
      }
      return 0;
    }));
  }
  for (int i = 0; i < 400; ++i) {
    REQUIRE(inside.hear() == '(');
    REQUIRE(inside.hear() == ')');
  }
  for (const pid_t child : children) CHECK(test::wait_for(child) == 0);
}

TEST_CASE("who takes the lock again and again lets one that waits in between") {
  const TemporaryDirectory folder;
  const Pipe told;
  auto lock = open_lock(folder);
  lock->lock(MeasureLock::Use::time);
  const pid_t other = test::start_child([&] {
    auto own = MeasureLock::open(folder.path(), "measure-test");
    if (!own) return 2;
    told.say('w');
    (*own)->lock(MeasureLock::Use::time);
    told.say('i');
    (*own)->unlock();
    return 0;
  });
  REQUIRE(told.hear() == 'w');
  int rounds = 0;
  while (told.hear(0) != 'i' && rounds < 100000) {
    lock->unlock();
    lock->lock(MeasureLock::Use::time);
    ++rounds;
  }
  lock->unlock();
  CHECK(rounds < 100000);
  CHECK(test::wait_for(other) == 0);
}

TEST_CASE("work goes on beside work, but not beside a time") {
  const TemporaryDirectory folder;
  auto one = open_lock(folder), another = open_lock(folder);
  one->lock(MeasureLock::Use::work);
  another->lock(MeasureLock::Use::work);
  const Pipe told;
  const pid_t child = test::start_child([&] {
    auto own = MeasureLock::open(folder.path(), "measure-test");
    if (!own) return 2;
    (*own)->lock(MeasureLock::Use::time);
    told.say('t');
    return 0;
  });
  CHECK(told.hear(50) == 0);
  one->unlock();
  CHECK(told.hear(50) == 0);
  another->unlock();
  CHECK(told.hear() == 't');
  CHECK(test::wait_for(child) == 0);
}

TEST_CASE("the lock of a process that was killed is free") {
  const TemporaryDirectory folder;
  const Pipe told;
  const pid_t child = test::start_child([&] {
    auto own = MeasureLock::open(folder.path(), "measure-test");
    if (!own) return 2;
    (*own)->lock(MeasureLock::Use::time);
    told.say('t');
    ::pause();
    return 0;
  });
  REQUIRE(told.hear() == 't');
  ::kill(child, SIGKILL);
  CHECK(test::wait_for(child) == -SIGKILL);
  open_lock(folder)->lock(MeasureLock::Use::time);
}

TEST_CASE("a runner that takes turns measures as the one inside, and where no lock can be had, too") {
  const TemporaryDirectory folder;
  const auto log = std::make_shared<FakeLog>();
  const auto context = context_on(counting_device({}, log));
  const tools::Console console("test");
  const auto inner = [](Context& its, const Problem& problem) { return make_runner(its, problem, {}); };
  for (const std::filesystem::path& place : {folder.path() / "new", std::filesystem::path("/proc/none")}) {
    auto runner = tools::take_turns(inner, place, console)(*context, small_problem());
    REQUIRE(runner);
    const KernelConfig config = ranked_configs(small_problem(), context->device()).front();
    (*runner)->compile(config);
    CHECK((*runner)->prepare(config)->status == TrialStatus::measured);
    const int before = log->samples;
    CHECK((*runner)->sample(config));
    CHECK(log->samples == before + 1);
    (*runner)->release(config);
  }
}

TEST_CASE("devices have locks of their own, and so have GPUs that a launcher shows under the same number") {
  const auto device = make_fake_device({});
  CHECK(tools::measure_lock_name(*device, "").ends_with("-fake-0"));
  CHECK(tools::measure_lock_name(*device, "").find('/') == std::string::npos);
}

}  // namespace fftconv
