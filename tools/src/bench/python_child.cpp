#include "bench/python_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

extern char** environ;

namespace fftconv::tools {
namespace {

constexpr int kMostMilliseconds = 600'000;

/// The environment, but threads of OpenMP sleep as soon as they are idle: they would take the processor from whoever
/// is timed next.
std::vector<std::string> quiet_environment() {
  std::vector<std::string> variables{"OMP_WAIT_POLICY=passive", "KMP_BLOCKTIME=0"};
  for (char** inherited = environ; *inherited != nullptr; ++inherited) variables.emplace_back(*inherited);
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

Result<std::unique_ptr<SharedFloats>> SharedFloats::create(std::size_t count) {
  const std::size_t bytes = count * sizeof(float);
  const int descriptor = ::memfd_create("fftconv-bench", MFD_CLOEXEC);
  if (descriptor < 0 || ::ftruncate(descriptor, static_cast<off_t>(bytes)) != 0) {
    const int code = errno;
    if (descriptor >= 0) ::close(descriptor);
    return Error{ErrorCode::io,
                 fmt::format("no memory can be shared with a peer's process: {}", std::strerror(code))};
  }
  void* const data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) {
    ::close(descriptor);
    return Error{ErrorCode::out_of_memory,
                 fmt::format("there are no {} bytes to share with a peer's process", bytes)};
  }
  return std::unique_ptr<SharedFloats>(new SharedFloats(descriptor, static_cast<float*>(data), bytes));
}

SharedFloats::~SharedFloats() {
  ::munmap(data_, bytes_);
  ::close(descriptor_);
}

Result<std::unique_ptr<PythonChild>> PythonChild::start(const std::string& python, const std::string& module,
                                                        int shared_descriptor) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Error{ErrorCode::io, fmt::format("no channel to {} can be made: {}", python, std::strerror(errno))};
  }
  // Beyond the numbers that the child's own ends get, so that none overwrites another on its way there.
  const int channel = ::fcntl(ends[1], F_DUPFD_CLOEXEC, kShared + 1);
  const int shared = ::fcntl(shared_descriptor, F_DUPFD_CLOEXEC, kShared + 1);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, channel, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, channel, STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, shared, kShared);
  std::vector<std::string> command{python, "-c", python_contender(), module}, variables = quiet_environment();
  const std::vector<char*> argv = pointers(command), envp = pointers(variables);
  pid_t process = 0;
  const int code = ::posix_spawn(&process, python.c_str(), &actions, nullptr, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  for (const int end : {ends[1], channel, shared}) ::close(end);
  if (code != 0) {
    ::close(ends[0]);
    return Error{ErrorCode::io, fmt::format("'{}' cannot be started: {}", python, std::strerror(code))};
  }
  return std::unique_ptr<PythonChild>(
      new PythonChild(process, ends[0], fmt::format("{} under '{}'", module, python)));
}

PythonChild::~PythonChild() {
  ::close(channel_);
  ::kill(process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<std::string> PythonChild::read_line() {
  while (true) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    pollfd ready{channel_, POLLIN, 0};
    const int count = ::poll(&ready, 1, kMostMilliseconds);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) {
      return Error{ErrorCode::timeout, fmt::format("{} did not answer in {} s", who_, kMostMilliseconds / 1000)};
    }
    std::array<char, 4096> block{};
    const ssize_t n = ::read(channel_, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return Error{ErrorCode::launch_failed, fmt::format("{} ended without an answer; is that a Python 3?", who_)};
    }
    unread_.append(block.data(), static_cast<std::size_t>(n));
  }
}

Result<Json> PythonChild::ask(const std::string& line) {
  const std::string sent = line + "\n";
  for (std::size_t at = 0; at < sent.size();) {
    const ssize_t n = ::send(channel_, sent.data() + at, sent.size() - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // how it ended is told by what is read
    at += static_cast<std::size_t>(n);
  }
  const auto answer = read_line();
  if (!answer) return answer.error();
  Json json = Json::parse(*answer, nullptr, false);
  if (!json.is_object()) {
    return Error{ErrorCode::launch_failed, fmt::format("{} answered '{}'", who_, answer->substr(0, 200))};
  }
  const auto text = [&](const char* key) { return json[key].is_string() ? json[key].get<std::string>() : "?"; };
  if (json.contains("missing")) {
    return Error{ErrorCode::dependency_missing, fmt::format("{} is not compared: {}", who_, text("missing"))};
  }
  if (json.contains("error")) {
    return Error{ErrorCode::launch_failed, fmt::format("{} failed: {}", who_, text("error"))};
  }
  return json;
}

}  // namespace fftconv::tools
