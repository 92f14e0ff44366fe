#include "names.h"

#include <fmt/format.h>

#include <chrono>

namespace fftconv {

std::string date_text(std::int64_t unix_time) {
  using namespace std::chrono;
  auto day = floor<days>(sys_seconds(seconds(unix_time)));
  year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string time_text(double seconds) {
  struct Unit {
    double size;
    const char* name;
  };
  for (Unit unit : {Unit{1, "s"}, Unit{1e-3, "ms"}, Unit{1e-6, "us"}})
    if (seconds >= 0.9995 * unit.size) return fmt::format("{:.3g} {}", seconds / unit.size, unit.name);
  return fmt::format("{:.3g} ns", seconds / 1e-9);
}

std::int64_t unix_now() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace fftconv
