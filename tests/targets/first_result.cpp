// From the start of a process to its first convolution's result on the CPU device, binary from the cache. The program
// starts itself again and again; the child says when it passed each stage.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "fftconv/plan.h"
#include "target.h"

extern char** environ;

namespace {

using namespace fftconv;

constexpr int kRuns = 20;
constexpr double kLimitMs = 50;
constexpr std::array<const char*, 6> kStages{"main", "device", "context", "plan", "spectrum", "result"};
using Times = std::array<double, kStages.size()>;  // ms, of the monotonic clock

double now_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
}

Problem the_problem() {
  Problem problem;
  problem.seqlen = problem.filter_len = 4096;
  problem.batch = 2;
  problem.channels = 4;
  return problem;
}

/// What an application does; its times go to standard output as bytes.
int child(const char* folder, Rigor rigor) {
  Times times{now_ms()};
  auto device = open_cpu_device();
  if (!device) return 1;
  times[1] = now_ms();
  auto context = Context::create(*device, {.cache_directory = folder});
  if (!context) return 1;
  times[2] = now_ms();
  const Problem problem = the_problem();
  auto plan = (*context)->plan(problem, {.rigor = rigor, .budget_s = 2});
  if (!plan) return 1;
  times[3] = now_ms();
  std::vector<float> taps(4 * 4096), u(2 * taps.size(), 1.0f), y(u.size());
  for (std::size_t h = 0; h < 4; ++h) taps[h * 4096] = 2.0f;
  auto spectrum = plan->make_spectrum(taps.data());
  if (!spectrum) return 1;
  times[4] = now_ms();
  if (!plan->execute({.u = u.data(), .y = y.data(), .spectrum = &*spectrum})) return 1;
  times[5] = now_ms();
  const bool right = std::ranges::all_of(y, [](float value) { return value > 1.999f && value < 2.001f; });
  return right && write(STDOUT_FILENO, times.data(), sizeof times) == sizeof times ? 0 : 1;
}

/// Milliseconds since the process was asked for; none where it failed.
bool run_child(const std::string& folder, Rigor rigor, Times& times) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  std::string self = "/proc/self/exe", word = to_string(rigor), place = folder;
  char* arguments[] = {self.data(), word.data(), place.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t process = 0;
  const double begin = now_ms();
  const int failed = posix_spawn(&process, self.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  const bool read_all = failed == 0 && read(ends[0], times.data(), sizeof times) == sizeof times;
  close(ends[0]);
  int status = -1;
  if (failed == 0) waitpid(process, &status, 0);
  for (double& time : times) time -= begin;
  return read_all && status == 0;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

/// Fills the cache with a plan of `rigor`, then starts processes that ask for an estimate.
bool measure(const char* name, Rigor rigor) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("fftconv-target-{}", std::random_device{}());
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  Times times{};
  std::array<std::vector<double>, kStages.size()> stages;
  bool good = run_child(folder, rigor, times);
  for (int run = 0; run < kRuns && good; ++run) {
    good = run_child(folder, Rigor::estimate, times);
    for (std::size_t i = 0; i < times.size(); ++i) stages[i].push_back(times[i]);
  }
  std::filesystem::remove_all(folder);
  if (!good) return false;
  std::string note = fmt::format("median of {} processes; passed", kRuns);
  for (std::size_t i = 0; i < times.size(); ++i) {
    note += fmt::format("{} {} at {:.1f} ms", i ? "," : "", kStages[i], median(stages[i]));
  }
  return fftconv::targets::report(name, median(stages.back()), fftconv::targets::Goal::at_most, kLimitMs, "ms", note);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    const auto rigor = parse_rigor(argv[1]);
    return rigor ? child(argv[2], *rigor) : 2;
  }
  const bool tuned = measure("first_result_tuned", Rigor::measure);
  const bool untuned = measure("first_result_untuned", Rigor::estimate);
  return tuned && untuned ? 0 : 1;
}
