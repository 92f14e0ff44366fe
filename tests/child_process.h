// Runs part of a test in a process of its own: limits, crashes and locks end with it.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace fftconv::test {

/// Starts `work` in a child process, which exits with what it returns.
inline pid_t start_child(const std::function<int()>& work) {
  pid_t child = fork();
  if (child == 0) _exit(work());
  return child;
}

/// Exit status of a child, or -signal where one ended it.
inline int wait_for(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child) return -1000;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

inline int in_child(const std::function<int()>& work) { return wait_for(start_child(work)); }

}  // namespace fftconv::test
