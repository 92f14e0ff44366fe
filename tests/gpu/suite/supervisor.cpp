#include "suite/supervisor.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
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
constexpr double kKillSeconds = 5;    ///< for the driver to let a killed process go

/// The time that the whole run has.
class Budget {
 public:
  explicit Budget(double seconds) : seconds_(seconds) {}
  double spent() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double left() const { return seconds_ - spent(); }

 private:
  Clock::time_point start_ = Clock::now();
  double seconds_;
};

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
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    // Whoever ends this program ends its child too, or that would keep the GPU.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) execv(program.c_str(), arguments.data());
    _exit(127);
  }
  return child;
}

enum class End { left, hung, out_of_time };

struct Ended {
  End how = End::left;
  int status = 0;      ///< as waitpid() gives it
  bool stuck = false;  ///< killed, and still there: the driver does not let it go
};

Ended stop(pid_t child, End how) {
  kill(child, SIGKILL);
  const auto start = Clock::now();
  for (Ended ended{how, 0, true};;) {
    if (waitpid(child, &ended.status, WNOHANG) == child) ended.stuck = false;
    if (!ended.stuck || Clock::now() - start > std::chrono::duration<double>(kKillSeconds)) return ended;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

/// Waits for the child as long as its records grow and the run has time.
Ended watch(pid_t child, const Section& section, const Records& records, const Options& options,
            const Budget& budget) {
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
      write_summary(options, budget.spent());
    }
    if (budget.left() <= 0) return stop(child, End::out_of_time);
    if (Clock::now() - last_growth > std::chrono::duration<double>(limit)) return stop(child, End::hung);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

enum class Outcome {
  done,
  failed,   ///< the section cannot run
  no_start  ///< nothing can: no GPU, or no place for the records; the child has said so
};

Outcome run_section(const std::string& program, const Options& options, const Section& section,
                    const Budget& budget) {
  Records records(options.out, section.name());
  const double begin = budget.spent();
  const double share = options.section.empty() ? section.share() * options.budget_s : options.budget_s;
  const auto left = [&] { return std::min(budget.left(), share - (budget.spent() - begin)); };
  for (int attempt = 0; attempt < kMostRestarts && left() > 0; ++attempt) {
    const pid_t child = start_child(program, options, section.name(), left());
    if (child < 0) return Outcome::failed;
    const Ended ended = watch(child, section, records, options, budget);
    const int code = WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : -1;
    if (ended.how == End::left && code == 0) return Outcome::done;
    if (ended.how == End::left && (code == 2 || code == 127)) return Outcome::no_start;
    const std::string blamed = records.unfinished();
    if (ended.how == End::out_of_time) {
      if (!blamed.empty() && !records.cut(blamed)) return Outcome::no_start;
      return Outcome::done;
    }
    if (!blamed.empty()) {
      const std::string reason = ended.how == End::hung
                                     ? fmt::format("no end within {:.0f} s", section.case_limit_s())
                                 : code >= 0 ? fmt::format("the process left with status {}", code)
                                             : fmt::format("the process ended by signal {}", WTERMSIG(ended.status));
      const Json record = failure(blamed, ended.how == End::hung ? "hung" : "crashed", reason);
      if (!records.end(record)) return Outcome::no_start;
      fmt::print("[{}] {}: {} ({})\n", section.name(), blamed, record.value("status", ""), reason);
    } else if (code != kExitDeviceLost) {
      return Outcome::failed;  // it does not even reach a case
    }
    if (ended.stuck) {
      fmt::print(stderr, "The driver does not end the process of section {}; the machine may need a restart.\n",
                 section.name());
      return Outcome::failed;
    }
  }
  return Outcome::done;
}

}  // namespace

int run_sections(const std::string& program, const Options& options) {
  const Budget budget(options.budget_s);
  bool able = true;
  for (const auto& section : make_sections(options)) {
    if (!options.section.empty() && section->name() != options.section) continue;
    if (budget.left() <= 0) break;
    const Outcome outcome = run_section(program, options, *section, budget);
    const Summary summary = write_summary(options, budget.spent());
    if (outcome == Outcome::no_start) {
      if (summary.done > 0) fmt::print("{}", summary.text);
      return 2;
    }
    able = able && outcome == Outcome::done;
  }
  const Summary summary = write_summary(options, budget.spent());
  fmt::print("{}", summary.text);
  if (!able) fmt::print(stderr, "A section could not run: see the lines above.\n");
  return summary.bad == 0 && able && summary.done > 0 ? 0 : 1;
}

}  // namespace fftconv::gpu_suite
