// A tuning database of a million trials: how long it takes to open, and to answer what is best for a problem.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <vector>

#include "private_file.h"
#include "store_file.h"
#include "target.h"
#include "tuning_db_fixture.h"
#include "tuning_db_state.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

constexpr int kEnvironments = 10, kProblems = 1000, kConfigs = 100;  // their product is the number of trials

Environment environment_at(int n) {
  Environment environment = environment_here();
  if (n >= kEnvironments / 2) environment.device = "NVIDIA H100";
  environment.driver = fmt::format("580.{}", n % (kEnvironments / 2));
  return environment;
}

// A fifth of the lengths, each in five row counts.
Problem problem_at(int n) { return problem_of(256 + 64 * (n / 5), 1 << (n % 5)); }

Result<void> fill(const std::filesystem::path& file) {
  if (auto made = make_private_file(file); !made) return made;
  auto opened = open_database(tuning_store(), file, false);
  if (!opened) return opened.error();
  std::mt19937_64 random(1);
  sqlite::Transaction transaction(opened->connection);
  if (auto begun = transaction.begin(); !begun) return begun;
  for (int p = 0; p < kProblems; ++p)
    for (int e = 0; e < kEnvironments; ++e)
      for (int c = 0; c < kConfigs; ++c) {
        const double median = 1e-3 * (1 + 1e-6 * static_cast<double>(random() % 1000000));
        const Trial trial = trial_of(environment_at(e), problem_at(p), config_of(1 + c % 10, 1 + c / 10), median);
        if (auto put = put_trial(opened->connection, trial); !put) return put;
      }
  return transaction.commit();
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Times {
  double median = 0, worst = 0;
};

Times times_of(int runs, const std::function<void(int)>& work) {
  std::vector<double> all;
  for (int i = 0; i < runs; ++i) all.push_back(seconds_of([&] { work(i); }));
  std::sort(all.begin(), all.end());
  return {all[all.size() / 2], all.back()};
}

// The system forgets the file's pages, as after a start of the machine.
void chill(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

struct Question {
  const char* name;
  Environment environment;
  std::function<Problem(int)> problem;
  Provenance provenance;
};

}  // namespace

int main() {
  const TemporaryDirectory directory;
  const auto file = directory / "tuning.db";
  Result<void> filled;
  const double fill_s = seconds_of([&] { filled = fill(file); });
  if (!filled) {
    fmt::print(stderr, "{}\n", filled.error().message);
    return 2;
  }
  const double megabytes = static_cast<double>(std::filesystem::file_size(file)) / 1e6;
  std::string shape = fmt::format("{} trials, {:.0f} MB, written in {:.0f} s", kEnvironments * kProblems * kConfigs,
                                  megabytes, fill_s);
  bool wrong = false;
  const Times open = times_of(20, [&](int) {
    chill(file);
    wrong |= !TuningDb::open(file).ok();
  });
  Environment new_driver = environment_at(0), other_device = environment_at(0);
  new_driver.driver = "999.1";
  other_device.device = "NVIDIA GH200";
  const auto present = [](int i) { return problem_at(i * 37 % kProblems); };
  const auto absent = [](int i) { return problem_of(270 + 61 * (i * 37 % 200), 3); };
  const Question questions[] = {
      {"present", environment_at(3), present, Provenance::exact},
      {"nearest size", environment_at(3), absent, Provenance::nearest_size},
      {"other toolchain", new_driver, present, Provenance::other_toolchain},
      {"other toolchain, nearest size", new_driver, absent, Provenance::nearest_size},
      {"other device, nearest size", other_device, absent, Provenance::same_arch},
  };
  std::string lines;
  double worst = 0;
  for (const Question& question : questions) {
    chill(file);
    auto db = TuningDb::open(file);
    if (!db) return 2;
    const Times times = times_of(200, [&](int i) {
      const auto choice = db->choose(question.environment, question.problem(i), as_it_is);
      wrong |= !choice || choice->provenance != question.provenance;
    });
    worst = std::max(worst, times.worst);
    lines += fmt::format("; {} {:.2f} ms, worst {:.2f} ms", question.name, times.median * 1e3, times.worst * 1e3);
  }
  if (wrong) {
    fmt::print(stderr, "a question had another answer than the one that was stored\n");
    return 2;
  }
  const bool opens =
      targets::report("a database of a million trials opens", open.worst * 1e3, targets::Goal::at_most, 100, "ms",
                      fmt::format("worst of 20, median {:.2f} ms; {}", open.median * 1e3, shape));
  const bool answers = targets::report("a database of a million trials answers what is best", worst * 1e3,
                                       targets::Goal::at_most, 5, "ms", "worst of 200 for each" + lines);
  return opens && answers ? 0 : 1;
}
