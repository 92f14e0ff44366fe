// A sweep that is killed 200 times at random moments, each time taken up again on the same two databases.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <map>
#include <set>

#include "child_process.h"
#include "exchange.h"
#include "fake_bench.h"
#include "fftconv/kernel_cache.h"
#include "fftconv/search.h"
#include "sqlite.h"
#include "tuning_db_fixture.h"

using namespace fftconv;

namespace {

constexpr int kKills = 200;

Problem problem_at(int index) {
  Problem problem = small_problem(16 << (index % 3));
  problem.batch = 1;
  problem.channels = 1 + index / 3;
  return problem;
}

// Times differ from process to process, so that a trial that was measured again is another one.
double seconds_of(const KernelConfig& config, int round) {
  const auto hash = std::hash<std::string>()(to_string(config));
  return 1e-5 * (1 + 1e-4 * static_cast<double>(hash % 4096)) + 1e-12 * round;
}

void say(int journal, const std::string& line) {
  if (write(journal, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(9);
}

// Goes through the problems from `from` on. Tells the journal, each line after the fact but that of a sample:
//   S <problem> <config>  a sample is about to be taken
//   T <trial as JSON>     its put() has returned
//   D <problem>           the search of this problem has returned
int sweep_from(const std::filesystem::path& directory, int from, int round, int journal) {
  int index = from;
  FakeScript script;
  script.sample = [&](const KernelConfig& config, int) {
    say(journal, fmt::format("S {} {}\n", index, to_string(config)));
    return Sample{.seconds = seconds_of(config, round)};
  };
  auto context = Context::create(make_fake_device(script), {.cache_directory = directory});
  if (!context) return 1;
  SearchOptions options{.rigor = Rigor::exhaustive};
  options.policy.tie = 0;  // no finals: a trial that was stored stays as it is
  options.policy.max_samples = options.policy.min_samples = 3;
  options.progress = [&](const SearchProgress& progress) {
    if (progress.last != nullptr) say(journal, "T " + format_line(*progress.last) + "\n");
  };
  for (;; ++index) {
    if (!search(**context, problem_at(index), options)) return 2;
    say(journal, fmt::format("D {}\n", index));
  }
}

std::string read_all(int pipe) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(pipe, buffer, sizeof buffer);
    if (n <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

// Lines that come within `milliseconds`.
std::string read_for(int pipe, double milliseconds) {
  std::string text;
  const Clock clock = monotonic_clock();
  for (const double end = clock() + milliseconds * 1e-3; clock() < end;) {
    pollfd waiting{pipe, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>((end - clock()) * 1e3) + 1) <= 0) continue;
    char buffer[65536];
    const ssize_t n = read(pipe, buffer, sizeof buffer);
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

std::string verdict_of(const std::filesystem::path& file) {
  auto db = sqlite::Connection::open(file.string(), sqlite::OpenMode::read_write, 1000);
  if (!db) return db.error().message;
  const auto verdict = db->text_of("PRAGMA integrity_check");
  return verdict ? *verdict : verdict.error().message;
}

using Key = std::pair<int, std::string>;  // problem, config

// What the journals of all processes said so far.
struct Ledger {
  std::map<Key, Trial> committed;
  std::map<std::string, int> index;  // of a problem, by its text
  int next = 0;                      // the first problem whose search has not returned
  std::set<Key> unasked;             // sampled again although the trial was committed and not the best

  Ledger() {
    for (int i = 0; i < 20000; ++i) index.emplace(to_string(problem_at(i)), i);
  }

  void take(const std::string& journal) {
    const std::map<Key, Trial> before = committed;
    std::map<int, double> best;
    for (const auto& [key, trial] : before) {
      const auto [found, fresh] = best.emplace(key.first, trial.measurement.median);
      if (!fresh) found->second = std::min(found->second, trial.measurement.median);
    }
    for (std::size_t at = 0, end = 0; (end = journal.find('\n', at)) != std::string::npos; at = end + 1) {
      const std::string line = journal.substr(at, end - at), rest = line.substr(2);
      if (line[0] == 'T') {
        auto trial = parse_line(rest);
        REQUIRE_MESSAGE(trial.ok(), rest);
        const Key key{index.at(to_string(trial->problem)), to_string(trial->config)};
        CHECK_MESSAGE(committed.emplace(key, *trial).second, "stored a second time: ", rest);
      } else if (line[0] == 'S') {
        const std::size_t space = rest.find(' ');
        const Key key{std::stoi(rest.substr(0, space)), rest.substr(space + 1)};
        const auto known = before.find(key);
        // The best so far runs along in each heat as the measure of the others.
        if (known != before.end() && known->second.measurement.median > best.at(key.first)) unasked.insert(key);
      } else {
        next = std::max(next, std::stoi(rest) + 1);
      }
    }
  }
};

}  // namespace

TEST_CASE("a sweep killed 200 times: no committed trial is lost, none is measured again, both files are sound") {
  const unsigned seed = std::random_device()();
  INFO("seed ", seed);
  std::mt19937_64 random(seed);
  const test::TemporaryDirectory directory(test::Where::memory);
  Ledger ledger;
  int rounds_with_commits = 0;
  for (int round = 0; round < kKills; ++round) {
    CAPTURE(round);
    int journal[2];
    REQUIRE(pipe(journal) == 0);
    // One problem that is done already is searched again, which must repeat nothing.
    const int from = std::max(0, ledger.next - 1);
    const pid_t child = test::start_child([&] {
      close(journal[0]);
      return sweep_from(directory.path(), from, round, journal[1]);
    });
    close(journal[1]);
    // Half of the kills meet a process that may still be opening its files, half one that is measuring.
    pollfd measuring{journal[0], POLLIN, 0};
    if (round % 2 == 1) poll(&measuring, 1, 10000);
    std::string text = read_for(journal[0], static_cast<double>(random() % 150000) / 1000);
    kill(child, SIGKILL);
    CHECK(test::wait_for(child) == -SIGKILL);
    text += read_all(journal[0]);
    close(journal[0]);
    const std::size_t before = ledger.committed.size();
    ledger.take(text);
    rounds_with_commits += ledger.committed.size() > before;
    for (const char* name : {"tuning.db", "kernels.db"}) {
      if (!std::filesystem::exists(directory / name)) continue;
      CHECK(verdict_of(directory / name) == "ok");
    }
    if (round % 10 != 9) continue;
    test::Log log;
    auto db = TuningDb::open(directory / "tuning.db", log.callback());
    REQUIRE(db.ok());
    INFO(log.text());
    CHECK(log.lines.empty());
    std::map<Key, Trial> present;
    REQUIRE(db->for_each([&](const Trial& trial) {
                const Key key{ledger.index.at(to_string(trial.problem)), to_string(trial.config)};
                CHECK(present.emplace(key, trial).second);
                return true;
              }).ok());
    int lost = 0, changed = 0;
    for (const auto& [key, trial] : ledger.committed) {
      const auto found = present.find(key);
      lost += found == present.end();
      changed += found != present.end() && !test::same(found->second, trial);
    }
    CHECK(lost == 0);
    CHECK(changed == 0);
    CHECK(present.size() >= ledger.committed.size());
  }
  CHECK(ledger.unasked.empty());
  for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
    CHECK(entry.path().filename().string().find(".damaged-") == std::string::npos);
  MESSAGE(fmt::format("{} kills, {} of them after a commit; {} trials of {} problems", kKills, rounds_with_commits,
                      ledger.committed.size(), ledger.next));
  CHECK(rounds_with_commits > kKills / 4);
}
