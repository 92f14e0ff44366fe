// Captured problems: the file, several writers, and what a context records.
#include "fftconv/capture.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "fake_bench.h"
#include "fftconv/cpu_device.h"
#include "fftconv/search_space.h"
#include "fftconv/streaming.h"

namespace fftconv {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }

std::vector<CapturedProblem> captured(const std::filesystem::path& file) {
  auto problems = read_capture(file);
  REQUIRE_MESSAGE(problems, problems.error().message);
  return *problems;
}

std::shared_ptr<Context> capturing_context(const std::filesystem::path& file, LogCallback log = {}) {
  ContextOptions options;
  options.use_disk = false;
  options.capture = file;
  options.log = std::move(log);
  auto context = Context::create(make_fake_device({}), options);
  REQUIRE_MESSAGE(context, context.error().message);
  return *context;
}

struct Rows {
  std::vector<float> taps, u, y;
  explicit Rows(const Problem& problem)
      : taps(static_cast<std::size_t>(filter_count(problem) * problem.filter_len), 0.5f),
        u(static_cast<std::size_t>(problem.batch * problem.channels * problem.seqlen)),
        y(u.size()) {}
};

void run(const Plan& plan, int times) {
  Rows rows(plan.problem());
  const auto spectrum = plan.make_spectrum(rows.taps.data());
  REQUIRE(spectrum);
  for (int i = 0; i < times; ++i) {
    REQUIRE(plan.execute({.u = rows.u.data(), .y = rows.y.data(), .spectrum = &*spectrum}));
  }
}

}  // namespace

TEST_CASE("a capture's text round-trips, most used first, ties by the problem's text") {
  const std::vector<CapturedProblem> problems{
      {small_problem(512), 3, 1}, {small_problem(256), 7, 2}, {small_problem(1024), 3, 1}};
  const auto read = parse_capture(capture_text(problems));
  REQUIRE_MESSAGE(read, read.error().message);
  CHECK(*read == std::vector<CapturedProblem>{problems[1], problems[2], problems[0]});
}

TEST_CASE("what is wrong in a capture is told with its line") {
  const std::string head = "# fftconv capture 1\n\n1 1 " + to_string(small_problem()) + "\n";
  for (const std::string bad :
       {"x 1 causal/L4/k4/b1/h1/io-f32/f32/forward", "1 causal/L4/k4/b1/h1/io-f32/f32/forward",
        "1 1 causal/L0/k4/b1/h1/io-f32/f32/forward", "1 1 nonsense", "1 1",
        "-1 1 causal/L4/k4/b1/h1/io-f32/f32/forward", "1 1 causal/L4/k4/b1/h1/io-f32/f32/forward more"}) {
    const auto read = parse_capture(head + bad + "\n");
    CAPTURE(bad);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().code == ErrorCode::damaged);
    CHECK(read.error().message.starts_with("line 4: "));
  }
  CHECK(parse_capture("causal/L4\n").error().message.starts_with("line 1 "));
}

TEST_CASE("counts are added to what a file has, and the file is the user's alone") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "problems";
  REQUIRE(add_to_capture(file, {{small_problem(256), 5, 1}}));
  REQUIRE(add_to_capture(file, {{small_problem(512), 9, 1}, {small_problem(256), 1, 2}}));
  CHECK(captured(file) == std::vector<CapturedProblem>{{small_problem(512), 9, 1}, {small_problem(256), 6, 3}});
  struct stat info {};
  REQUIRE(stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
}

TEST_CASE("a file that is no capture, a link and a directory are left as they are") {
  const TemporaryDirectory directory;
  const auto letter = directory.path() / "letter", link = directory.path() / "link", own = directory.path() / "own";
  write(letter, "Dear reader,\n");
  write(own, "");
  std::filesystem::permissions(own, std::filesystem::perms(0622));
  std::filesystem::create_symlink(directory.path() / "elsewhere", link);
  const std::vector<CapturedProblem> more{{small_problem(), 1, 1}};
  CHECK(add_to_capture(letter, more).error().code == ErrorCode::damaged);
  CHECK(content(letter) == "Dear reader,\n");
  CHECK(add_to_capture(link, more).error().code == ErrorCode::io);
  CHECK_FALSE(std::filesystem::exists(directory.path() / "elsewhere"));
  CHECK(add_to_capture(directory.path(), more).error().code == ErrorCode::io);
  CHECK(add_to_capture(own, more).error().message.find("other users") != std::string::npos);
  CHECK(add_to_capture(directory.path() / "no" / "file", more).error().code == ErrorCode::io);
}

TEST_CASE("processes and threads that add to one file lose nothing of each other") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "problems";
  constexpr int kProcesses = 4, kTimes = 25;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      bool good = true;
      for (int n = 0; n < kTimes; ++n) {
        good =
            good && add_to_capture(file, {{small_problem(256), 2, 1}, {small_problem(256 + i), 1, 0}}, 60'000).ok();
      }
      _exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  const auto problems = captured(file);
  REQUIRE(problems.size() == kProcesses);
  CHECK(problems[0] == CapturedProblem{small_problem(256), 2 * kProcesses * kTimes + kTimes, kProcesses * kTimes});
  CHECK(problems[1].executions == kTimes);
}

TEST_CASE("a context records plans and executions, and its plans go on counting after it") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "problems";
  std::optional<Plan> outlives;
  {
    const auto context = capturing_context(file);
    for (int i = 0; i < 3; ++i) REQUIRE(context->plan(small_problem(256)));
    outlives = *context->plan(small_problem(512));
    run(*outlives, 4);
    run(*context->plan(small_problem(256)), 1);
    const auto plain = default_config(small_problem(1024), context->device().facts());
    REQUIRE(plain);
    REQUIRE(context->plan_config(small_problem(1024), *plain));  // a caller that names it wants no tuning
  }
  CHECK(captured(file) == std::vector<CapturedProblem>{{small_problem(512), 4, 1}, {small_problem(256), 1, 4}});
  run(*outlives, 2);
  outlives.reset();
  CHECK(captured(file).front() == CapturedProblem{small_problem(512), 6, 1});
}

TEST_CASE("every block of a stream is an execution of the block's problem, with filters longer than a block, too") {
  const auto device = open_device(DeviceKind::cpu);
  REQUIRE(device);
  if (!(*device)->caveat().empty()) {
    MESSAGE("skipped: ", (*device)->caveat());
    return;
  }
  const TemporaryDirectory directory;
  const auto file = directory.path() / "problems";
  Problem block{.seqlen = 64, .filter_len = 64, .channels = 2, .io = DataType::f32, .precision = Precision::f32};
  Problem carried = block;
  carried.carry = true;
  {
    const auto context = *Context::create(*device, {.use_disk = false, .capture = file});
    const std::vector<float> taps(2 * 192, 0.5f), u(2 * 64, 1.0f);
    std::vector<float> y(u.size());
    for (const auto& [length, blocks] : {std::pair{192, 5}, {64, 2}}) {
      auto stream = StreamingConvolution::make(*context, block, taps.data(), length);
      REQUIRE_MESSAGE(stream, stream.error().message);
      for (int i = 0; i < blocks; ++i) REQUIRE(stream->push({.u = u.data(), .y = y.data()}));
    }
  }
  CHECK(captured(file) == std::vector<CapturedProblem>{{carried, 7, 2}});
}

TEST_CASE("a problem is in the file while the process still runs, so that one that is killed loses little") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "problems";
  const auto context = capturing_context(file);
  REQUIRE(context->plan(small_problem()));
  for (int i = 0; i < 3000 && !std::filesystem::exists(file); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  bool there = false;
  for (int i = 0; i < 3000 && !there; ++i) {
    there = captured(file).size() == 1;
    if (!there) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(there);
}

TEST_CASE("a context that is never closed writes at exit") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "problems";
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    static const auto* leaked = new std::shared_ptr<Context>(capturing_context(file));
    run(*(*leaked)->plan(small_problem()), 2);
    std::exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(captured(file) == std::vector<CapturedProblem>{{small_problem(), 2, 1}});
}

TEST_CASE("a file that cannot be written is said once and the work goes on") {
  const TemporaryDirectory directory;
  std::atomic<int> said = 0;
  {
    const auto context = capturing_context(directory.path() / "no" / "file", [&](const std::string& line) {
      if (line.find("not captured") != std::string::npos) ++said;
    });
    run(*context->plan(small_problem(256)), 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    run(*context->plan(small_problem(512)), 2);
  }
  CHECK(said == 1);
}

}  // namespace fftconv
