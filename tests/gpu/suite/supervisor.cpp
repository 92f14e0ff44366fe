#include "suite/supervisor.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "suite/child.h"
#include "suite/summary.h"

namespace fftconv::gpu_suite {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostRestarts = 12;     ///< of one section
constexpr double kStartSeconds = 60;  ///< to load the driver before the first case begins

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

pid_t start_child(const std::string& program, const Options& options, const std::string& section, double seconds) {
  std::vector<std::string> words = {program,     "--child",
                                    "--section", section,
                                    "--out",     options.out.string(),
                                    "--budget",  fmt::format("{:.1f}", std::max(0.1, seconds))};
  for (const auto& [name, value] : {std::pair<const char*, const std::string&>{"--only", options.only},
                                    {"--nvrtc", options.nvrtc},
                                    {"--cufft", options.cufft}}) {
    if (!value.empty()) words.insert(words.end(), {name, value});
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execv(program.c_str(), arguments.data());
    _exit(127);
  }
  return child;
}

struct Ended {
  bool hung = false;
  int status = 0;
};

/// Waits for the child as long as its records grow.
Ended watch(pid_t child, const Section& section, const Records& records, const Options& options) {
  std::uintmax_t size = records.size();
  auto last_growth = Clock::now();
  double limit = std::max(kStartSeconds, section.case_limit_s());
  for (;;) {
    Ended ended;
    if (waitpid(child, &ended.status, WNOHANG) == child) return ended;
    if (const std::uintmax_t now = records.size(); now != size) {
      size = now;
      last_growth = Clock::now();
      limit = section.case_limit_s();
      write_summary(options);
    }
    if (seconds_since(last_growth) > limit) {
      kill(child, SIGKILL);
      waitpid(child, &ended.status, 0);
      ended.hung = true;
      return ended;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

/// False where the section cannot run at all.
bool run_section(const std::string& program, const Options& options, const Section& section, double seconds) {
  Records records(options.out, section.name());
  const auto start = Clock::now();
  for (int attempt = 0; attempt < kMostRestarts && seconds_since(start) < seconds; ++attempt) {
    const pid_t child = start_child(program, options, section.name(), seconds - seconds_since(start));
    if (child < 0) return false;
    const Ended ended = watch(child, section, records, options);
    const int code = WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : -1;
    if (!ended.hung && code == 0) return true;
    if (!ended.hung && (code == 2 || code == 127)) return false;
    const std::string blamed = records.unfinished();
    if (!blamed.empty()) {
      const std::string reason = ended.hung  ? fmt::format("no end within {:.0f} s", section.case_limit_s())
                                 : code >= 0 ? fmt::format("the process left with status {}", code)
                                             : fmt::format("the process ended by signal {}", WTERMSIG(ended.status));
      const Json record = failure(blamed, ended.hung ? "hung" : "crashed", reason);
      if (!records.end(record)) return false;
      fmt::print("[{}] {}: {} ({})\n", section.name(), blamed, ended.hung ? "hung" : "crashed", reason);
    } else if (code != kExitDeviceLost) {
      return false;  // it does not even reach a case
    }
  }
  return true;
}

}  // namespace

int run_sections(const std::string& program, const Options& options) {
  const auto start = Clock::now();
  const auto sections = make_sections(options);
  bool able = true;
  for (const auto& section : sections) {
    if (!options.section.empty() && section->name() != options.section) continue;
    const double left = options.budget_s - seconds_since(start);
    const double share = options.section.empty() ? section->share() * options.budget_s : left;
    able = run_section(program, options, *section, std::min(left, share)) && able;
    write_summary(options);
  }
  const Summary summary = write_summary(options);
  fmt::print("{}", summary.text);
  if (!able) fmt::print(stderr, "A section could not run: see the lines above.\n");
  return summary.bad == 0 && able && summary.done > 0 ? 0 : 1;
}

}  // namespace fftconv::gpu_suite
