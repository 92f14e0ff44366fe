// The report in a real browser: headless Chromium renders, prints and walks through it.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "browser_pipe.h"
#include "page_colours.h"
#include "report_fixture.h"

extern char** environ;

using namespace fftconv;
using namespace fftconv::test;

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void write(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

/// Runs to the end; what it wrote to standard output.
std::string run(std::vector<std::string> command, const fs::path& folder) {
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const std::string out = folder / "out", err = folder / "err";
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ) == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE_MESSAGE((WIFEXITED(status) && WEXITSTATUS(status) == 0), read(err));
  return read(out);
}

std::string chromium(const TemporaryDirectory& folder, const std::string& page, std::vector<std::string> what) {
  write(folder / "page.html", page);
  std::vector<std::string> command = headless(browser(), (folder / "profile").string());
  command.insert(command.end(), what.begin(), what.end());
  command.push_back("file://" + (folder / "page.html").string());
  return run(command, folder.path());
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The page with the policy against scripts taken out and a script of the test's put in.
std::string with_script(std::string page, const std::string& script) {
  const std::size_t begin = page.find("<meta http-equiv"), end = page.find('>', begin);
  REQUIRE(begin != std::string::npos);
  page.erase(begin, end + 1 - begin);
  page.insert(page.find("</body>"), "<script>" + script + "</script>");
  return page;
}

/// A server that never answers: whether anything knocked is all that is asked.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_, 16) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/x";
  }
  ~Listener() { ::close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  bool was_asked() {
    const int connection = ::accept(socket_, nullptr, nullptr);
    if (connection >= 0) ::close(connection);
    return connection >= 0;
  }
  std::string url;

 private:
  int socket_;
};

/// With enough problems that tables are folded.
void write_folded_page(const fs::path& file) {
  tools::ReportInputs inputs = report_inputs();
  for (int i = 0; i < 20; ++i) {
    inputs.trials.push_back(trial_of(environment_here(), problem_of(1000 + i), config_of(4), 1e-4));
  }
  write(file, tools::page_html(tools::make_report(inputs)));
}

}  // namespace

TEST_CASE("the browser shows every part, and text of the database stays text") {
  FFTCONV_NEEDS_BROWSER();
  const TemporaryDirectory folder;
  const std::string dom = chromium(folder, sample_page(), {"--dump-dom"});
  for (const char* title : part_titles) CHECK_MESSAGE(holds(dom, title), title);
  CHECK(holds(dom, "<title>fftconv: what was measured</title>"));  // no script changed it
  CHECK_FALSE(holds(dom, "<script"));
}

TEST_CASE("nothing asks the network, even where markup had slipped in") {
  FFTCONV_NEEDS_BROWSER();
  const TemporaryDirectory folder;
  Listener listener;
  std::string page = sample_page();
  const std::string slipped = "<img src=\"" + listener.url + "\"><script src=\"" + listener.url + "\"></script>" +
                              "<link rel=\"stylesheet\" href=\"" + listener.url + "\">";
  page.insert(page.find("</main>"), slipped);
  chromium(folder, page, {"--dump-dom", "--timeout=2000"});
  CHECK_FALSE(listener.was_asked());
  // The check can fail: without the policy the same markup does ask.
  chromium(folder, with_script(page, ""), {"--dump-dom", "--timeout=2000"});
  CHECK(listener.was_asked());
}

TEST_CASE(
    "everything that answers to the keyboard can be reached, in the order of the page, and scripts find no fault") {
  FFTCONV_NEEDS_BROWSER();
  const TemporaryDirectory folder;
  const std::string dom = chromium(folder, with_script(sample_page(), R"(
    const all = [...document.querySelectorAll('a[href], summary, svg[role=img], .scroll')]
        .filter(e => !e.parentElement.closest('details:not([open])') || e.matches('summary'));
    const bad = [];
    for (const e of all) {
      e.focus();
      if (document.activeElement !== e) bad.push('no focus: ' + e.outerHTML.slice(0, 80));
      if (e.tabIndex !== 0) bad.push('tab index ' + e.tabIndex);
      const style = getComputedStyle(e);
      if (e.matches(':focus-visible') && style.outlineStyle === 'none') bad.push('no outline');
    }
    const wide = document.documentElement.scrollWidth > innerWidth;
    document.body.append('RESULT ' + all.length + ' reached, ' + bad.length + ' bad, wide ' + wide + ' ' + bad.join('; '));
  )"),
                                   {"--dump-dom", "--window-size=1000,900"});
  const std::size_t at = dom.find("RESULT ", dom.find("</script>"));
  REQUIRE(at != std::string::npos);
  const std::string result = dom.substr(at, 300);
  CAPTURE(result);
  CHECK(holds(result, " 0 bad, wide false"));
  CHECK(std::stoi(result.substr(7)) > 30);
}

TEST_CASE("the Tab key walks through all of it, forth and back, and Enter unfolds a table") {
  FFTCONV_NEEDS_BROWSER();
  const TemporaryDirectory folder;
  write_folded_page(folder / "page.html");
  BrowserPage page(browser(), folder / "profile", "file://" + (folder / "page.html").string());
  // Places in the document of all that answers to keys, and of the one that has the focus.
  const std::string all =
      "[...document.querySelectorAll('a[href], summary, svg[role=img], .scroll')]"
      ".filter(e => !e.parentElement.closest('details:not([open])') || e.matches('summary'))";
  const int count = page.value(all + ".length").get<int>();
  REQUIRE(count > 30);
  const auto focus = [&] { return page.value(all + ".indexOf(document.activeElement)").get<int>(); };
  constexpr int kTab = 9, kEnter = 13, kShift = 8;
  for (int i = 0; i < count; ++i) {
    page.press("Tab", kTab);
    REQUIRE(focus() == i);
    CHECK(page.value("getComputedStyle(document.activeElement).outlineStyle") != "none");
  }
  page.press("Tab", kTab, {}, kShift);
  CHECK(focus() == count - 2);
  // Back to a folded table.
  for (int i = 0; i < count && page.value("document.activeElement.tagName") != "SUMMARY"; ++i)
    page.press("Tab", kTab, {}, kShift);
  REQUIRE(page.value("document.activeElement.tagName") == "SUMMARY");
  const std::string open = "document.activeElement.parentElement.open";
  const bool before = page.value(open).get<bool>();
  page.press("Enter", kEnter, "\r");
  CHECK(page.value(open).get<bool>() != before);
}

TEST_CASE("paper has every part and every row, folded tables too") {
  FFTCONV_NEEDS_BROWSER();
  const std::string reader = program({"/usr/bin/pdftotext"});
  if (reader.empty()) {
    MESSAGE("skipped: no pdftotext here; tools/setup --tests installs Debian's poppler-utils");
    return;
  }
  const TemporaryDirectory folder;
  tools::ReportInputs inputs = report_inputs();
  for (int i = 0; i < 20; ++i)  // enough problems that tables are folded
    inputs.trials.push_back(trial_of(environment_here(), problem_of(1000 + i), config_of(4), 1e-4));
  const std::string page = tools::page_html(tools::make_report(inputs));
  REQUIRE(holds(page, "<details>"));
  chromium(folder, page, {"--no-pdf-header-footer", "--print-to-pdf=" + (folder / "page.pdf").string()});
  const std::string text = run({reader, "-raw", (folder / "page.pdf").string(), "-"}, folder.path());
  for (const char* title : part_titles) CHECK_MESSAGE(holds(text, title), title);
  for (int i = 0; i < 20; ++i) CHECK(holds(text, "causal/L" + std::to_string(1000 + i)));
}

TEST_CASE("in light, in the dark and on paper every text is read against its background") {
  FFTCONV_NEEDS_BROWSER();
  const TemporaryDirectory folder;
  write(folder / "page.html", sample_page());
  BrowserPage page(browser(), folder / "profile", "file://" + (folder / "page.html").string());
  check_colours(page);
  // The check can fail, for each kind of text.
  page.emulate("screen", "dark");
  for (const char* selector : {"p", "td", "a", "svg text"}) {
    CAPTURE(selector);
    const std::string rule = std::string(selector) + " { color: #666 !important; fill: #666 !important; }";
    page.value("document.head.insertAdjacentHTML('beforeend', '<style id=planted>" + rule + "</style>')");
    CHECK(colours_of(page).at("faint").size() > 0);
    page.value("document.getElementById('planted').remove()");
  }
  CHECK(colours_of(page).at("faint").empty());
}

TEST_CASE("on paper every section and every row of a folded table is laid out, whatever the reader prefers") {
  FFTCONV_NEEDS_BROWSER();
  const TemporaryDirectory folder;
  write_folded_page(folder / "page.html");
  BrowserPage page(browser(), folder / "profile", "file://" + (folder / "page.html").string());
  CHECK(hidden_parts(page).at("rows").get<int>() > 20);  // on a screen they are folded
  page.emulate("print", "dark");
  const auto hidden = hidden_parts(page);
  CAPTURE(hidden.dump());
  CHECK(hidden.at("sections").get<int>() == 0);
  CHECK(hidden.at("rows").get<int>() == 0);
  CHECK(hidden.at("charts").get<int>() == 0);
  CHECK(hidden.at("of").get<int>() > 100);
}
