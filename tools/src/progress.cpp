#include "progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "console.h"

namespace fftconv::tools {
namespace {

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void write_stderr(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace

std::string show_duration(double seconds) {
  const auto whole = static_cast<long long>(std::ceil(std::max(0.0, seconds)));
  const long long hours = whole / 3600;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string progress_bar(double done, int total, double left_s, const std::string& label, std::size_t width) {
  constexpr int kCells = 24;
  const int filled = total > 0 ? std::clamp(static_cast<int>(kCells * done / total), 0, kCells) : 0;
  const std::string left = left_s >= 0 ? show_duration(left_s) : "--:--";
  std::string line = fmt::format("[{}{}] {}/{}  {} left  {}", std::string(filled, '#'),
                                 std::string(kCells - filled, '-'), static_cast<int>(done), total, left, label);
  if (line.size() > width) line.resize(width);
  return line;
}

Progress::Progress(std::string tool, int total)
    : tool_(std::move(tool)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() { erase(); }

void Progress::begin(const std::string& label) { advance(0, label); }

void Progress::advance(double share, const std::string& label, double left_s) {
  share_ = share;
  left_s_ = left_s;
  label_ = label;
  draw();
}

void Progress::finish(const std::string& result) {
  ++done_;
  share_ = 0;
  if (terminal_) {
    draw();
  } else {
    write_stderr(fmt::format("{}: {}/{} {}: {}\n", tool_, done_, total_, one_line(label_), one_line(result)));
  }
}

void Progress::note(const std::string& line) {
  erase();
  write_stderr(fmt::format("{}: {}\n", tool_, one_line(line)));
  draw();
}

void Progress::draw() {
  if (!terminal_) return;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  const double done = done_ + share_;
  const double at_this_pace = done > 0 ? elapsed.count() / done * (total_ - done) : -1;
  // One column short of the width: a full line would wrap on some terminals.
  write_stderr("\r\033[K" +
               progress_bar(done, total_, left_s_ >= 0 ? left_s_ : at_this_pace, label_, terminal_width() - 1));
}

void Progress::erase() {
  if (terminal_) write_stderr("\r\033[K");
}

}  // namespace fftconv::tools
