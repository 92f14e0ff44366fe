// How far a long command has come: a bar with the time left on a terminal, else a line for each step.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace fftconv::tools {

/// "1:05" or "2:03:04".
std::string show_duration(double seconds);

/// "[#####-----] 5/10  0:12 left  label" in at most `width` columns. `done` may have a fraction of a step; a negative
/// `left_s` is unknown, "--:--".
std::string progress_bar(double done, int total, double left_s, const std::string& label, std::size_t width);

class Progress {
 public:
  /// On stderr: redrawn in place where it is a terminal, else a line for each finished step.
  Progress(std::string tool, int total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// There are more or fewer steps than was thought.
  void expect(int total) { total_ = total; }
  /// A step begins.
  void begin(const std::string& label);
  /// `share` (0 … 1) of it is done. `left_s` is the time left of all steps, where the caller knows better than the
  /// pace of the steps so far.
  void advance(double share, const std::string& label, double left_s = -1);
  /// It is done; `result` says how it went, in a few words.
  void finish(const std::string& result);
  /// Says something without tearing the bar.
  void note(const std::string& line);

 private:
  void draw();
  void erase();

  std::string tool_;
  int total_;
  int done_ = 0;
  double share_ = 0;    ///< of the step at work
  double left_s_ = -1;  ///< as the caller said
  bool terminal_;
  std::string label_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace fftconv::tools
