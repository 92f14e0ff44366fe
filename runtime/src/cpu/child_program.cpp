#include "cpu/child_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "spawn_setup.h"

extern char** environ;

namespace fftconv {
namespace {

constexpr std::size_t kMostOutput = 64 << 10;

/// Writable by somebody who is not its owner (a group of root's counts: who is in it is not ours to know). A folder
/// in which only owners delete is no danger.
bool others_write(const struct stat& info) {
  const bool sticky = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
  return (info.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky;
}

bool of_user_or_root(const struct stat& info) { return info.st_uid == 0 || info.st_uid == geteuid(); }

/// Reads until the other end is closed or the time is over; false then. What is too much is read and dropped.
bool collect(int from, std::chrono::steady_clock::time_point until, std::string& output) {
  std::array<char, 4096> piece;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd wait{.fd = from, .events = POLLIN, .revents = 0};
    const int ready = poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30)));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    const ssize_t got = read(from, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    const std::size_t room = kMostOutput - std::min(kMostOutput, output.size());
    output.append(piece.data(), std::min(room, static_cast<std::size_t>(got)));
  }
}

/// Whether the child ended before the time was over. It is not reaped: until then nobody else gets its number.
bool ends_before(std::chrono::steady_clock::time_point until, pid_t pid) {
  for (;;) {
    siginfo_t info{};
    const int failed = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
    if (failed == 0 && info.si_pid == pid) return true;
    if ((failed != 0 && errno != EINTR) || std::chrono::steady_clock::now() >= until) return false;
    poll(nullptr, 0, 1);
  }
}

}  // namespace

Result<void> check_program(const std::string& path) {
  const std::filesystem::path file(path);
  const auto refuse = [&](const char* why) {
    return invalid(
        fmt::format("The compiler '{}' {}: give the absolute path of an installed clang++ that nobody else "
                    "can replace.",
                    path, why));
  };
  if (!file.is_absolute()) return refuse("is not an absolute path");
  // The file that would be started, whatever links lead to it.
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(file, error);
  struct stat info {};
  if (error || stat(real.c_str(), &info) != 0) return refuse("does not exist");
  if (!S_ISREG(info.st_mode)) return refuse("is no regular file");
  if (access(real.c_str(), X_OK) != 0) return refuse("cannot be executed");
  if (others_write(info) || !of_user_or_root(info)) return refuse("can be written by others");
  for (const std::filesystem::path& folder : {real.parent_path(), file.parent_path()}) {
    if (stat(folder.c_str(), &info) != 0 || others_write(info) || !of_user_or_root(info)) {
      return refuse("lies in a folder that others can write");
    }
  }
  return {};
}

Result<ProgramEnd> run_program(const std::vector<std::string>& arguments, double seconds) {
  const auto until =
      std::chrono::steady_clock::now() +
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return Error{ErrorCode::io, fmt::format("No pipe to {} could be made: {}.", arguments[0], strerror(errno))};
  }
  SpawnSetup setup;
  posix_spawn_file_actions_addopen(&setup.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&setup.actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&setup.actions, ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&setup.actions, STDERR_FILENO + 1);
  posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&setup.attributes, 0);
  sigset_t all, none;
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&setup.attributes, &all);
  posix_spawnattr_setsigmask(&setup.attributes, &none);

  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers;
  for (std::string& argument : copies) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t pid = 0;
  const int failed =
      posix_spawn(&pid, copies[0].c_str(), &setup.actions, &setup.attributes, pointers.data(), environ);
  close(ends[1]);
  if (failed != 0) {
    close(ends[0]);
    return Error{ErrorCode::io, fmt::format("{} does not start: {}.", arguments[0], strerror(failed))};
  }
  ProgramEnd end;
  int status = 0;
  const bool in_time = collect(ends[0], until, end.output) && ends_before(until, pid);
  close(ends[0]);
  kill(-pid, SIGKILL);  // what it started ends with it
  kill(pid, SIGKILL);   // where it had not yet become the leader of its group
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (!in_time) {
    return Error{ErrorCode::timeout,
                 fmt::format("{} did not end within {:g} s and was ended.", arguments[0], seconds)};
  }
  end.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  end.how = WIFEXITED(status) ? fmt::format("ended with status {}", end.status)
                              : fmt::format("was ended by signal {}", WTERMSIG(status));
  return end;
}

}  // namespace fftconv
