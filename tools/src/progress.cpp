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

std::string progress_bar(int done, int total, double elapsed_s, const std::string& label, std::size_t width) {
  constexpr int kCells = 24;
  const int filled = total > 0 ? std::min(kCells, kCells * done / total) : 0;
  const std::string left = done > 0 ? show_duration(elapsed_s / done * (total - done)) : "--:--";
  std::string line = fmt::format("[{}{}] {}/{}  {} left  {}", std::string(filled, '#'),
                                 std::string(kCells - filled, '-'), done, total, left, label);
  if (line.size() > width) line.resize(width);
  return line;
}

Progress::Progress(std::string tool, int total)
    : tool_(std::move(tool)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() { erase(); }

void Progress::begin(const std::string& label) {
  label_ = label;
  draw();
}

void Progress::finish(const std::string& result) {
  ++done_;
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
  // One column short of the width: a full line would wrap on some terminals.
  write_stderr("\r\033[K" + progress_bar(done_, total_, elapsed.count(), label_, terminal_width() - 1));
}

void Progress::erase() {
  if (terminal_) write_stderr("\r\033[K");
}

}  // namespace fftconv::tools
