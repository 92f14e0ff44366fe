// A sweep on several devices of one process (std::thread inside).
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "console.h"
#include "fake_bench.h"
#include "fakes/libcuda.h"
#include "fftconv/settings.h"
#include "fftconv/tuner.h"
#include "machine.h"
#include "near.h"

namespace fftconv {
namespace {

/// Where each of several devices waits for the others once, for some time.
class Meeting {
 public:
  explicit Meeting(int expected) : missing_(expected) {}

  void arrive() {
    std::unique_lock lock(mutex_);
    --missing_;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return missing_ <= 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int missing_;
};

struct Machine {
  /// A fake device of this model whose samples all take `seconds`. The first waits for the others of `meeting`.
  void add(const std::string& model, double seconds, const std::shared_ptr<Meeting>& meeting = nullptr) {
    FakeScript script;
    script.facts = make_fake_device({})->facts();
    script.facts.name = model;
    script.sample = [seconds, waiting = meeting](const KernelConfig&, int) mutable {
      if (const auto others = std::exchange(waiting, nullptr)) others->arrive();
      return Sample{.seconds = seconds};
    };
    logs.push_back(std::make_shared<FakeLog>());
    contexts.push_back(context_on(counting_device(std::move(script), logs.back()), folder.path()));
  }

  TemporaryDirectory folder;
  std::vector<std::shared_ptr<FakeLog>> logs;
  std::vector<std::shared_ptr<Context>> contexts;
};

std::vector<Problem> some_problems(int count) {
  std::vector<Problem> problems;
  for (int i = 0; i < count; ++i) problems.push_back(small_problem(256 + 2 * i));
  return problems;
}

}  // namespace

TEST_CASE("devices of one model share the list: each problem is searched once, and all lies in one database") {
  Machine machine;
  // A fast device could do the whole list while another's thread is still starting.
  const auto meeting = std::make_shared<Meeting>(3);
  for (int i = 0; i < 3; ++i) machine.add("Model A", 1e-5, meeting);
  const auto problems = some_problems(7);
  const auto rows = sweep(machine.contexts, problems, {.max_trials = 2});
  for (const auto& log : machine.logs) CHECK(log->samples > 0);
  REQUIRE(rows.size() == problems.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].problem == problems[i]);
    REQUIRE(rows[i].summary);
    CHECK(rows[i].summary->reused == 0);
    CHECK_FALSE(trials_of(*machine.contexts[0], problems[i]).empty());
  }
}

TEST_CASE("each distinct model searches the whole list and keeps its own times") {
  Machine machine;
  machine.add("Model A", 1e-5);
  machine.add("Model B", 3e-5);
  machine.add("Model A", 1e-5);
  const auto problems = some_problems(4);
  const auto rows = sweep(machine.contexts, problems, {.max_trials = 2});
  REQUIRE(rows.size() == 8);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    CHECK(rows[i].problem == problems[i % 4]);
    CHECK(rows[i].environment.device == (i < 4 ? "Model A" : "Model B"));
    REQUIRE(rows[i].summary);
    REQUIRE(rows[i].summary->winner);
    CHECK(test::near(rows[i].summary->winner->measurement.median, i < 4 ? 1e-5 : 3e-5));
    CHECK(rows[i].summary->winner->environment.device == rows[i].environment.device);
  }
}

TEST_CASE("progress of several devices is one count that never goes back") {
  Machine machine;
  machine.add("Model A", 1e-5);
  machine.add("Model A", 1e-5);
  machine.add("Model B", 1e-5);
  std::map<std::string, int> finished;
  int calls_at_once = 0;
  std::size_t rows = 0;
  SweepOptions options{.max_trials = 2};
  options.progress = [&](const SweepProgress& step) {
    CHECK(++calls_at_once == 1);
    CHECK(step.problems == 10);
    CHECK(step.problem <= 10);
    CHECK(step.searcher >= 0);
    CHECK(step.searcher < 3);
    if (step.finished) ++rows;
    if (step.finished) ++finished[step.finished->environment.device];
    --calls_at_once;
  };
  sweep(machine.contexts, some_problems(5), options);
  CHECK(rows == 10);
  CHECK(finished["Model A"] == 5);
  CHECK(finished["Model B"] == 5);
}

TEST_CASE("lists of devices are split, and cuda:all names those that are there") {
  using tools::split_device_names;
  using Names = std::vector<std::string>;
  const std::vector<DeviceInfo> present = {{.kind = DeviceKind::cuda, .ordinal = 0, .available = true},
                                           {.kind = DeviceKind::cuda, .ordinal = 1, .available = true},
                                           {.kind = DeviceKind::cpu, .available = true}};
  CHECK(*split_device_names("", present) == Names{""});
  CHECK(*split_device_names("cuda", present) == Names{"cuda"});
  CHECK(*split_device_names("cuda:all", present) == Names{"cuda:0", "cuda:1"});
  CHECK(*split_device_names("cuda:1,cuda:0", present) == Names{"cuda:1", "cuda:0"});
  CHECK(*split_device_names("cuda:all,cpu", present) == Names{"cuda:0", "cuda:1", "cpu"});
  for (const char* wrong : {"cuda:0,cuda:0", "cuda,cuda:0", "cuda:0,", ",", "cuda:0,tpu", "cuda:all,cuda:1"}) {
    CAPTURE(wrong);
    const auto names = split_device_names(wrong, present);
    REQUIRE_FALSE(names);
    CHECK(names.error().code == ErrorCode::invalid_argument);
  }
  const std::vector<DeviceInfo> none = {{.kind = DeviceKind::cuda, .missing = "no driver"}};
  const auto all = split_device_names("cuda:all", none);
  REQUIRE_FALSE(all);
  CHECK(all.error().code == ErrorCode::device_missing);
  CHECK(all.error().message.find("no driver") != std::string::npos);
}

TEST_CASE("ranks of one machine take its GPUs in turn, and share what is named") {
  using tools::device_of_rank;
  CHECK(device_of_rank("", 0, 2) == "cuda:0");
  CHECK(device_of_rank("cuda", 1, 2) == "cuda:1");
  CHECK(device_of_rank("cuda:all", 2, 2) == "cuda:0");
  CHECK(device_of_rank("cuda:1", 0, 2) == "cuda:1");
  CHECK(device_of_rank("cpu", 3, 2) == "cpu");
  CHECK(device_of_rank("", 3, 0).empty());
  CHECK(device_of_rank("cuda:all", 3, 0) == "cuda");
}

TEST_CASE("cuda:all opens each GPU that the driver has, under its own number") {
  const Settings before = settings();
  Settings changed = before;
  changed.cuda_driver = FFTCONV_FAKE_LIBCUDA;
  set_settings(changed);
  void* const library = dlopen(FFTCONV_FAKE_LIBCUDA, RTLD_NOW | RTLD_LOCAL);
  REQUIRE(library);
  FakeCuda& driver = *reinterpret_cast<FakeCuda* (*)()>(dlsym(library, "fake_cuda"))();
  driver.devices = 3;
  const auto targets = tools::open_targets({.device = "cuda:all"});
  const auto two = tools::open_targets({.device = "cuda:2,cuda:0"});
  const auto absent = tools::open_targets({.device = "cuda:0,cuda:3"});
  driver.devices = 1;
  set_settings(before);
  REQUIRE(targets);
  REQUIRE(targets->size() == 3);
  for (int i = 0; i < 3; ++i) CHECK((*targets)[static_cast<std::size_t>(i)].device->ordinal() == i);
  REQUIRE(two);
  REQUIRE(two->size() == 2);
  CHECK((*two)[0].device->ordinal() == 2);
  CHECK((*two)[1].device->ordinal() == 0);
  REQUIRE_FALSE(absent);
  CHECK(tools::exit_status(absent.error().code) == 2);
}

}  // namespace fftconv
