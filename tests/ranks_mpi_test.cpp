// Sweeps by the ranks of a real MPI job on fake devices: complete ones, and ones of which ranks are killed.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "fftconv/tuning_db.h"
#include "mpi_job.h"

using mpi_test::has_mpi;
using mpi_test::Output;
using mpi_test::Workplace;

namespace {

constexpr int kProblems = 10;

struct Row {
  std::string problem, device, why;
  int reused = 0;
};

struct Sweep {
  Output output;
  std::vector<Row> rows;
  bool complete = false;
  std::set<std::string> finished() const {
    std::set<std::string> names;
    for (const Row& row : rows)
      if (row.why.empty()) names.insert(row.problem);
    return names;
  }
};

/// ranks_sweep on the fake device; `death` is {rank, problem}.
Sweep sweep(const Workplace& place, int ranks, bool recovery, const std::vector<std::string>& death = {},
            const std::vector<std::string>& environment = {}) {
  std::vector<std::string> command{std::string(FFTCONV_BIN_DIR) + "/ranks_sweep", place.file("cache"),
                                   std::to_string(kProblems), "0.002", "3"};
  command.insert(command.end(), death.begin(), death.end());
  Sweep result{.output = mpi_test::run(place, ranks, recovery, command, environment)};
  std::istringstream lines(result.output.out);
  for (std::string line; std::getline(lines, line);) {
    if (line == "complete") result.complete = true;
    std::istringstream fields(line);
    std::string word, reused;
    Row row;
    if (!std::getline(fields, word, '\t') || word != "row") continue;
    std::getline(fields, row.problem, '\t');
    std::getline(fields, row.device, '\t');
    std::getline(fields, reused, '\t');
    std::getline(fields, row.why, '\t');
    row.reused = std::atoi(reused.c_str());
    result.rows.push_back(row);
  }
  return result;
}

/// Exported lines of one database, by problem.
std::map<std::string, std::set<std::string>> lines_of(const std::filesystem::path& file) {
  std::map<std::string, std::set<std::string>> lines;
  auto database = fftconv::TuningDb::open(file, {}, true);
  REQUIRE(database);
  std::string text;
  REQUIRE(database->export_lines(text));
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    const auto json = tool_test::Json::parse(line);
    lines[json["problem"].get<std::string>()].insert(line);
  }
  return lines;
}

std::size_t rank_folders(const Workplace& place) {
  std::size_t count = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(place / "cache" / "ranks", none)) {
    count += entry.is_directory();
  }
  return count;
}

std::set<std::string> configs_of(const std::set<std::string>& lines) {
  std::set<std::string> configs;
  for (const std::string& line : lines) configs.insert(tool_test::Json::parse(line)["config"].get<std::string>());
  return configs;
}

/// What the database of a job and the folders of its ranks hold, by problem.
std::map<std::string, std::set<std::string>> stored_lines(const Workplace& place) {
  std::vector<std::filesystem::path> files{place / "cache" / "tuning.db"};
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(place / "cache" / "ranks", none)) {
    files.push_back(entry.path() / "tuning.db");
  }
  std::map<std::string, std::set<std::string>> all;
  for (const auto& file : files) {
    if (!std::filesystem::exists(file)) continue;
    for (auto& [problem, lines] : lines_of(file)) all[problem].merge(lines);
  }
  return all;
}

void check_complete(const Workplace& place, const Sweep& job) {
  CAPTURE(job.output.out);
  CAPTURE(job.output.err);
  CHECK(job.complete);
  CHECK(job.rows.size() == kProblems);
  CHECK(job.finished().size() == kProblems);
  const auto lines = lines_of(place / "cache" / "tuning.db");
  CHECK(lines.size() == kProblems);
  for (const auto& [problem, trials] : lines) CHECK(trials.size() >= 3);
}

}  // namespace

TEST_CASE("2, 4 and 8 ranks finish every problem once, and one database holds all") {
  if (!has_mpi()) return;
  for (const int ranks : {2, 4, 8}) {
    CAPTURE(ranks);
    const Workplace place;
    const Sweep job = sweep(place, ranks, false);
    check_complete(place, job);
    CHECK(job.output.status == 0);
    for (const Row& row : job.rows) CHECK(row.reused == 0);
    CHECK(rank_folders(place) == 0);
  }
}

TEST_CASE("a rank of 2, 4 and 8 is killed and its launcher lets the others live: the sweep ends complete") {
  if (!has_mpi()) return;
  for (const int ranks : {2, 4, 8}) {
    CAPTURE(ranks);
    const Workplace place;
    const Sweep job = sweep(place, ranks, true, {"1", "1"});
    check_complete(place, job);
    CHECK(tool_test::contains(job.output.err, "rank 1"));
    CHECK(tool_test::contains(job.output.err, "handed out again"));
    // What it had measured and not sent waits for the next job on this machine.
    CHECK(rank_folders(place) == 1);
    const Sweep next = sweep(place, 2, false);
    check_complete(place, next);
    CHECK(rank_folders(place) == 0);
  }
}

TEST_CASE(
    "a rank is killed and its launcher kills the others: the same command again completes it, repeating nothing") {
  if (!has_mpi()) return;
  for (const int ranks : {2, 4, 8}) {
    CAPTURE(ranks);
    const Workplace place;
    const Sweep cut = sweep(place, ranks, false, {"1", "1"});
    CHECK_FALSE(cut.complete);
    CHECK(cut.output.status != 0);
    const auto before = stored_lines(place);
    const Sweep again = sweep(place, ranks, false);
    check_complete(place, again);
    const auto after = lines_of(place / "cache" / "tuning.db");
    int known = 0;
    for (const auto& [problem, lines] : before) {
      if (!cut.finished().contains(problem)) continue;
      ++known;
      CHECK(after.at(problem) == lines);
    }
    CHECK(known == static_cast<int>(cut.finished().size()));
    for (const Row& row : again.rows) {
      if (before.contains(row.problem)) CHECK(row.reused > 0);
    }
    CHECK(rank_folders(place) == 0);
  }
}

TEST_CASE("rank 0 is killed: the others notice, keep what they have, and the next job takes it up") {
  if (!has_mpi()) return;
  const Workplace place;
  const Sweep cut = sweep(place, 4, true, {"0", "2"});
  CHECK_FALSE(cut.complete);
  CHECK(tool_test::contains(cut.output.err, "rank 0 is gone"));
  // A rank of which rank 0 had stored everything needs its folder no more.
  CHECK(rank_folders(place) <= 3);
  const auto before = stored_lines(place);
  CHECK(before.size() >= 3);
  const Sweep again = sweep(place, 2, false);
  check_complete(place, again);
  CHECK(rank_folders(place) == 0);
  // A problem that was cut off may be timed once more.
  const auto after = lines_of(place / "cache" / "tuning.db");
  for (const auto& [problem, lines] : before)
    CHECK(std::ranges::includes(configs_of(after.at(problem)), configs_of(lines)));
  int reused = 0;
  for (const Row& row : again.rows) reused += row.reused > 0;
  CHECK(reused >= 1);
}

TEST_CASE("ranks with another model search the whole list for it") {
  if (!has_mpi()) return;
  const Workplace place;
  const Sweep job = sweep(place, 3, false, {}, {"MODEL_1=Model B"});
  CAPTURE(job.output.err);
  CHECK(job.complete);
  std::map<std::string, std::set<std::string>> problems;
  for (const Row& row : job.rows) problems[row.device].insert(row.problem);
  CHECK(problems.size() == 2);
  for (const auto& [device, names] : problems) CHECK(names.size() == kProblems);
}
