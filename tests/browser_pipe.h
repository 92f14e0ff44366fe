// A headless Chromium that is driven over pipes by the Chrome DevTools Protocol: what a person's keys do.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

extern char** environ;

namespace fftconv::test {

/// The first of these programs that is here; else empty.
inline std::string program(const std::vector<const char*>& names) {
  for (const char* name : names)
    if (::access(name, X_OK) == 0) return name;
  return {};
}

inline std::string browser() {
  return program({"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"});
}

#define FFTCONV_NEEDS_BROWSER()                                                           \
  if (fftconv::test::browser().empty()) {                                                 \
    MESSAGE("skipped: no Chromium here; tools/setup --tests installs Debian's chromium"); \
    return;                                                                               \
  }

/// The command that starts a browser without a window, with a profile of its own.
inline std::vector<std::string> headless(const std::string& browser, const std::string& profile) {
  return {browser,
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--disable-background-networking",
          "--no-first-run",
          "--user-data-dir=" + profile};
}

/// One page in a browser of its own. Messages are JSON that end with a zero byte, on the descriptors 3 (to the
/// browser) and 4 (from it): --remote-debugging-pipe.
class BrowserPage {
 public:
  using Json = nlohmann::json;

  BrowserPage(const std::string& browser, const std::string& profile, const std::string& url) {
    int to[2], from[2];
    REQUIRE(::pipe2(to, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(from, O_CLOEXEC) == 0);
    // Out of the way of 3 and 4, which dup2 fills below.
    const int read_end = ::fcntl(to[0], F_DUPFD_CLOEXEC, 20), write_end = ::fcntl(from[1], F_DUPFD_CLOEXEC, 20);
    ::close(to[0]), ::close(from[1]);
    to_ = ::fcntl(to[1], F_DUPFD_CLOEXEC, 20), from_ = ::fcntl(from[0], F_DUPFD_CLOEXEC, 20);
    ::close(to[1]), ::close(from[0]);
    std::vector<std::string> command = headless(browser, profile);
    command.insert(command.end(), {"--window-size=1000,900", "--remote-debugging-pipe"});
    std::vector<char*> argv;
    for (std::string& argument : command) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, read_end, 3);
    ::posix_spawn_file_actions_adddup2(&actions, write_end, 4);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    REQUIRE(::posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environ) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(read_end), ::close(write_end);
    const Json target = call("Target.createTarget", {{"url", url}});
    const Json attached = call("Target.attachToTarget", {{"targetId", target.at("targetId")}, {"flatten", true}});
    session_ = attached.at("sessionId");
    // A new page is an empty one that is complete, until it begins to load.
    const std::string loaded = "location.href !== 'about:blank' && document.readyState === 'complete'";
    for (int look = 0; look < 500 && value(loaded) != true; ++look) ::usleep(20'000);
  }
  ~BrowserPage() {
    ::close(to_), ::close(from_);
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  BrowserPage(const BrowserPage&) = delete;
  BrowserPage& operator=(const BrowserPage&) = delete;

  /// What the page's own world says of an expression.
  Json value(const std::string& expression) {
    return call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}})
        .at("result")
        .value("value", Json());
  }

  /// The page from here on as a medium ("screen", "print") shows it to who prefers `scheme` ("light", "dark").
  void emulate(const std::string& media, const std::string& scheme) {
    const Json preference{{"name", "prefers-color-scheme"}, {"value", scheme}};
    call("Emulation.setEmulatedMedia", {{"media", media}, {"features", Json::array({preference})}});
  }

  /// A key goes down and up, as from a keyboard. `text`: what it types, "\r" for Enter.
  void press(const std::string& key, int code, const std::string& text = {}, int modifiers = 0) {
    Json event{{"key", key}, {"code", key}, {"windowsVirtualKeyCode", code}, {"modifiers", modifiers}};
    Json down = event;
    down["type"] = text.empty() ? "rawKeyDown" : "keyDown";
    if (!text.empty()) down["text"] = text;
    call("Input.dispatchKeyEvent", down);
    event["type"] = "keyUp";
    call("Input.dispatchKeyEvent", event);
  }

 private:
  Json call(const std::string& method, const Json& parameters) {
    Json message{{"id", ++last_}, {"method", method}, {"params", parameters}};
    if (!session_.empty()) message["sessionId"] = session_;
    std::string text = message.dump();
    text.push_back('\0');
    REQUIRE(::write(to_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    for (;;) {  // what is no answer is news of the page
      const Json answer = Json::parse(receive());
      if (answer.value("id", 0) != last_) continue;
      REQUIRE_MESSAGE(answer.contains("result"), answer.dump());
      return answer.at("result");
    }
  }

  std::string receive() {
    for (;;) {
      if (const std::size_t end = buffer_.find('\0'); end != std::string::npos) {
        std::string message = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return message;
      }
      pollfd ready{from_, POLLIN, 0};
      REQUIRE(::poll(&ready, 1, 60'000) == 1);
      char part[65536];
      const ssize_t count = ::read(from_, part, sizeof part);
      REQUIRE(count > 0);
      buffer_.append(part, static_cast<std::size_t>(count));
    }
  }

  pid_t process_ = 0;
  int to_ = -1, from_ = -1, last_ = 0;
  std::string session_, buffer_;
};

}  // namespace fftconv::test
