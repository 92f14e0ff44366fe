#include "worker/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "fftconv/settings.h"
#include "spawn_setup.h"

namespace fftconv::worker {
namespace {

constexpr int kChannel = 3;         // in the worker
constexpr double kTellSeconds = 1;  // for what has no answer

std::string describe(int status) {
  if (WIFEXITED(status)) return fmt::format("ended with status {}", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  const char* name = sigdescr_np(signal);
  return fmt::format("was ended by signal {} ({})", signal, name ? name : "unknown");
}

}  // namespace

Result<std::unique_ptr<Process>> Process::start(const std::filesystem::path& program, std::int64_t memory_bytes,
                                                std::shared_ptr<Reaper> reaper) {
  reaper->look();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Error{ErrorCode::io, fmt::format("No channel to a worker could be made: {}.", strerror(errno))};
  }
  SpawnSetup setup;
  // dup2 onto itself keeps the close-on-exec flag only where source and target differ.
  int child_end = ends[1];
  if (child_end == kChannel) {
    child_end = fcntl(ends[1], F_DUPFD_CLOEXEC, kChannel + 1);
    close(ends[1]);
  }
  posix_spawn_file_actions_adddup2(&setup.actions, child_end, kChannel);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const int mode = standard == STDIN_FILENO ? O_RDONLY : O_WRONLY;
    posix_spawn_file_actions_addopen(&setup.actions, standard, "/dev/null", mode, 0);
  }
  // Whatever else this process has open, a candidate must not be able to write to it.
  posix_spawn_file_actions_addclosefrom_np(&setup.actions, kChannel + 1);
  // A group of its own: Ctrl-C in the terminal is the parent's to handle, and what a worker starts ends with it.
  posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&setup.attributes, 0);
  sigset_t all, none;
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&setup.attributes, &all);
  posix_spawnattr_setsigmask(&setup.attributes, &none);

  std::string name = program.string(), channel = std::to_string(kChannel), memory = std::to_string(memory_bytes);
  char* arguments[] = {name.data(), channel.data(), memory.data(), nullptr};
  std::vector<std::string> variables = environment_for_children();
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  pid_t pid = 0;
  const int failed =
      posix_spawn(&pid, name.c_str(), &setup.actions, &setup.attributes, arguments, environment.data());
  close(child_end);
  if (failed != 0) {
    close(ends[0]);
    return Error{ErrorCode::io,
                 fmt::format("The worker program {} does not start: {}. Give another one by FFTCONV_WORKER, or run "
                             "candidates in this process.",
                             name, strerror(failed))};
  }
  return std::unique_ptr<Process>(new Process(pid, ends[0], memory_bytes, std::move(reaper)));
}

Process::~Process() { end(); }

std::string Process::end() {
  if (dead()) return {};
  // At once: a worker keeps nothing that would have to be written first. How one ended that is gone already stays.
  kill(-pid_, SIGKILL);  // before the process is waited for: until then nobody else gets its number
  kill(pid_, SIGKILL);   // where it had not yet become the leader of its group
  const std::optional<int> status = reaper_->reap(pid_);
  close(channel_);
  pid_ = 0;
  return status ? describe(*status) : "cannot be ended, it is perhaps stuck in a driver";
}

Result<Message> Process::ask(const Message& request, double seconds, Failure& failure,
                             const std::function<bool()>& over) {
  const auto fail = [&](Failure::Kind kind, std::string reason) -> Result<Message> {
    failure = {kind, std::move(reason)};
    return Error{kind == Failure::Kind::timed_out ? ErrorCode::timeout : ErrorCode::launch_failed, failure.reason};
  };
  if (dead()) return fail(Failure::Kind::crashed, "had ended before");
  const auto start = std::chrono::steady_clock::now();
  const Result<void> sent = send(channel_, request, seconds, over);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  Result<Message> answer =
      sent ? receive(channel_, std::max(0.0, seconds - spent.count()), over) : Result<Message>(sent.error());
  if (answer && answer->kind == Kind::answer) {
    return answer;
  }
  if (!answer && answer.error().code == ErrorCode::timeout) {
    end();
    return fail(Failure::Kind::timed_out, fmt::format("did not end within {:g} s", seconds));
  }
  if (!answer && answer.error().code == ErrorCode::busy) {
    end();
    return fail(Failure::Kind::cut_off, "was still at work when the search was over");
  }
  if (answer || answer.error().code == ErrorCode::damaged) {
    end();
    return fail(Failure::Kind::crashed, "sent what is no answer: something wrote over its channel");
  }
  // The channel closed: a moment for the kernel to tell how the process ended.
  bool gone = false;
  for (int wait = 0; wait < 200 && !gone; ++wait) {
    siginfo_t info{};
    gone = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
    if (!gone) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::string how = end();
  if (!gone) return fail(Failure::Kind::crashed, "closed its channel");
  if (how.find("signal 9 ") != std::string::npos) {
    return fail(Failure::Kind::killed, how + ", perhaps by the system for want of memory,");
  }
  if (how.find("signal 6 ") != std::string::npos) {
    how +=
        fmt::format(", perhaps for want of memory: its limit is {:.3g} GB", static_cast<double>(memory_bytes_) / 1e9);
  }
  return fail(Failure::Kind::crashed, std::move(how));
}

void Process::tell(const Message& message) {
  // Half a message would spoil the next one.
  if (!dead() && !send(channel_, message, kTellSeconds)) end();
}

}  // namespace fftconv::worker
