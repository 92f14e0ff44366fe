// Rank 0's side of a sweep by several ranks, on a scripted clock and without a network.
#include "scale/coordinator.h"

#include <doctest/doctest.h>

#include <map>

#include "fake_bench.h"
#include "fftconv/search_space.h"
#include "scale/rank_post.h"

namespace fftconv {
namespace {

using tools::Coordinator;
using tools::Message;
using tools::MessageKind;
using tools::Outgoing;

TuningDb in_memory() {
  auto database = TuningDb::open({});
  REQUIRE(database);
  return std::move(*database);
}

/// A job of which every message is seen.
struct Job {
  explicit Job(int ranks, int problems = 3) : database(in_memory()) {
    for (int i = 0; i < problems; ++i) list.push_back(small_problem(256 + 2 * i));
    coordinator = std::make_unique<Coordinator>(
        tools::CoordinatorOptions{.problems = list,
                                  .ranks = ranks,
                                  .silence_s = 10,
                                  .clock = [this] { return now; },
                                  .log = [this](const std::string& line) { log += line + "\n"; },
                                  .finished = [this](const SweepRow& row) { rows.push_back(row); }},
        database);
  }
  void take(const std::vector<Outgoing>& out) {
    for (const Outgoing& each : out) {
      // As it travels.
      const auto message = tools::parse_message(tools::to_text(each.message));
      REQUIRE(message);
      last[each.to] = *message;
      if (message->kind == MessageKind::kept) kept[each.to] = message->number;
    }
  }
  void say(int rank, const Message& message) { take(coordinator->handle({rank, tools::to_text(message)})); }
  void join(int rank, const std::string& device = "A") {
    say(rank,
        {.kind = MessageKind::join, .text = "host-" + std::to_string(rank), .environment = environment(device)});
  }
  /// What the rank is told when it asks; `beat` where it has to wait.
  Message ask(int rank) {
    last.erase(rank);
    say(rank, {.kind = MessageKind::ask});
    return last.contains(rank) ? last[rank] : Message{};
  }
  static Environment environment(const std::string& device) {
    Environment one;
    one.device = device;
    one.kind = "fake";
    one.arch = "sm_90a";
    one.policy = "cold";
    return one;
  }
  Trial trial(const Problem& problem, const std::string& device, double seconds) const {
    const DeviceFacts facts = make_fake_device({})->facts();
    Trial made{.environment = environment(device),
               .problem = problem,
               .config = *default_config(problem, facts),
               .unix_time = 1'700'000'000};
    made.measurement.samples = {seconds, seconds};
    made.measurement.lower_quartile = made.measurement.median = made.measurement.upper_quartile = seconds;
    made.measurement.error = 1e-4;
    return made;
  }
  void finish(int rank, const Message& taken, const std::string& device = "A", double seconds = 1e-5) {
    const Trial winner = trial(taken.problem, device, seconds);
    const SearchSummary summary{.problem = taken.problem,
                                .winner = winner,
                                .plain_default = winner,
                                .regret = 0.25,
                                .record = {.rigor = "measure", .candidates = 7, .measured = 1, .refused = "3 no\n"},
                                .reused = 1,
                                .throttled = 2};
    say(rank, {.kind = MessageKind::row,
               .number = ++numbers[rank],
               .index = taken.index,
               .lines = tools::lines_of({winner}),
               .row = SweepRow{taken.problem, environment(device), summary, ""}});
  }

  double now = 0;
  std::string log;
  TuningDb database;
  std::vector<Problem> list;
  std::vector<SweepRow> rows;
  std::map<int, Message> last;
  std::map<int, std::int64_t> kept, numbers;
  std::unique_ptr<Coordinator> coordinator;
};

}  // namespace

TEST_CASE("problems go out in order, rows and trials come in, and who asks in the end is told to stop") {
  Job job(2);
  job.join(0);
  job.join(1);
  const Message first = job.ask(0), second = job.ask(1);
  REQUIRE(first.kind == MessageKind::take);
  REQUIRE(second.kind == MessageKind::take);
  CHECK(first.problem == job.list[0]);
  CHECK(second.problem == job.list[1]);
  CHECK(first.share == doctest::Approx(2.0 / 3));
  job.finish(1, second);
  CHECK(job.kept[1] == 1);
  const Message third = job.ask(1);
  CHECK(third.problem == job.list[2]);
  job.finish(1, third);
  job.finish(0, first);
  CHECK(job.ask(0).kind == MessageKind::stop);
  CHECK(job.ask(1).kind == MessageKind::stop);
  CHECK(job.rows.size() == 3);
  CHECK_FALSE(job.coordinator->complete());
  job.say(0, {.kind = MessageKind::bye});
  job.say(1, {.kind = MessageKind::bye});
  CHECK(job.coordinator->complete());
  CHECK(job.coordinator->together());
  // Those of rank 1; rank 0 has put its own there itself.
  CHECK(job.database.find(job.environment("A"), job.list[1], job.trial(job.list[1], "A", 0).config));
  CHECK_FALSE(job.database.find(job.environment("A"), job.list[0], job.trial(job.list[0], "A", 0).config));
  CHECK(job.database.find_search(job.environment("A"), job.list[1])->candidates == 7);
}

TEST_CASE("a row arrives as it was sent") {
  Job job(2, 1);
  job.join(0);
  job.join(1);
  const Message taken = job.ask(1);
  job.finish(1, taken);
  REQUIRE(job.rows.size() == 1);
  const SweepRow& row = job.rows.front();
  REQUIRE(row.summary);
  CHECK(row.problem == job.list[0]);
  CHECK(row.environment == job.environment("A"));
  CHECK(row.summary->winner->measurement == job.trial(job.list[0], "A", 1e-5).measurement);
  CHECK(row.summary->plain_default->config == row.summary->winner->config);
  CHECK_FALSE(row.summary->runner_up);
  CHECK(*row.summary->regret == 0.25);
  CHECK_FALSE(row.summary->regret_of_first);
  CHECK(row.summary->record.refused == "3 no\n");
  CHECK(row.summary->reused == 1);
  CHECK(row.summary->throttled == 2);
  // And one that failed.
  const SweepRow failed{job.list[0], job.environment("A"), Error{ErrorCode::timeout, "too slow"}, "too slow"};
  const auto back = tools::parse_message(tools::to_text({.kind = MessageKind::row, .row = failed}));
  REQUIRE(back);
  CHECK_FALSE(back->row->summary);
  CHECK(back->row->summary.error().code == ErrorCode::timeout);
  CHECK(back->row->why_no_winner == "too slow");
}

TEST_CASE("a rank that falls silent is lost, and its problem goes to one that waits, with what it had measured") {
  Job job(3, 1);
  for (int rank = 0; rank < 3; ++rank) job.join(rank);
  const Message taken = job.ask(1);
  REQUIRE(taken.kind == MessageKind::take);
  CHECK(taken.lines.empty());
  CHECK(job.ask(0).kind == MessageKind::beat);
  job.say(1,
          {.kind = MessageKind::trials, .number = 1, .lines = tools::lines_of({job.trial(job.list[0], "A", 2e-5)})});
  CHECK(job.kept[1] == 1);
  job.now = 9;
  job.say(2, {.kind = MessageKind::beat});
  job.take(job.coordinator->tick());
  CHECK(job.last[0].kind != MessageKind::take);
  job.now = 11;
  job.take(job.coordinator->tick());
  REQUIRE(job.last[0].kind == MessageKind::take);
  CHECK(job.last[0].problem == job.list[0]);
  CHECK(tools::trials_of(job.last[0].lines).size() == 1);
  CHECK(job.log.find("rank 1 (host-1) was silent") != std::string::npos);
  job.finish(0, job.last[0]);
  CHECK(job.ask(2).kind == MessageKind::stop);
  CHECK(job.ask(0).kind == MessageKind::stop);
  job.say(0, {.kind = MessageKind::bye});
  job.say(2, {.kind = MessageKind::bye});
  CHECK(job.coordinator->complete());
  CHECK_FALSE(job.coordinator->together());
}

TEST_CASE("a rank that was only slow comes back: its row counts once, and it is given work again") {
  Job job(2, 2);
  job.join(0);
  job.join(1);
  const Message slow = job.ask(1);
  job.now = 11;
  job.take(job.coordinator->tick());
  const Message again = job.ask(0);
  CHECK(again.problem == slow.problem);
  job.finish(1, slow);
  CHECK(job.rows.size() == 1);
  job.finish(0, again);
  CHECK(job.rows.size() == 1);
  CHECK(job.ask(1).problem == job.list[1]);
  CHECK(job.coordinator->together());
}

TEST_CASE("a problem that every searcher dies of is given up with a reason, and the others are finished") {
  Job job(5, 2);
  for (int rank = 0; rank < 5; ++rank) job.join(rank);
  for (int rank = 1; rank <= WorkQueue::kMostLosses; ++rank) {
    CHECK(job.ask(rank).problem == job.list[0]);
    job.take(job.coordinator->lose(rank, "cannot be reached"));
  }
  REQUIRE(job.rows.size() == 1);
  CHECK_FALSE(job.rows[0].summary);
  CHECK(job.rows[0].why_no_winner.find("3 ranks ended") != std::string::npos);
  const Message next = job.ask(0);
  CHECK(next.problem == job.list[1]);
  job.finish(0, next);
  CHECK(job.ask(0).kind == MessageKind::stop);
}

TEST_CASE("each distinct environment searches the whole list; one without ranks left has rows that say so") {
  Job job(3, 2);
  job.join(0, "A");
  job.join(1, "B");
  job.join(2, "A");
  CHECK(job.coordinator->problems() == 4);
  const Message first = job.ask(0), other = job.ask(1), second = job.ask(2);
  CHECK(first.problem == job.list[0]);
  CHECK(other.problem == job.list[0]);
  CHECK(second.problem == job.list[1]);
  job.finish(1, other, "B", 3e-5);
  job.take(job.coordinator->lose(1, "cannot be reached"));
  job.finish(0, first);
  job.finish(2, second);
  CHECK(job.ask(0).kind == MessageKind::stop);
  REQUIRE(job.rows.size() == 4);
  int failed = 0;
  for (const SweepRow& row : job.rows) {
    if (row.summary) continue;
    ++failed;
    CHECK(row.environment.device == "B");
    CHECK(row.problem == job.list[1]);
    CHECK(row.why_no_winner == "Every rank with B has ended.");
  }
  CHECK(failed == 1);
}

TEST_CASE("a cancelled job tells everybody to stop, and gives nothing up") {
  Job job(2, 3);
  job.join(0);
  job.join(1);
  CHECK(job.ask(1).kind == MessageKind::take);
  job.take(job.coordinator->cancel());
  CHECK(job.ask(0).kind == MessageKind::stop);
  CHECK(job.ask(1).kind == MessageKind::stop);
  CHECK(job.rows.empty());
}

TEST_CASE("a job that was suspended has not been silent meanwhile") {
  double now = 100;
  const Clock clock = tools::awake_clock([&now] { return now; });
  for (int i = 0; i < 10; ++i) {
    now += 0.1;
    clock();
  }
  CHECK(clock() == doctest::Approx(1));
  now += 3600;
  CHECK(clock() < 1.5);
  now += 0.1;
  CHECK(clock() < 1.5);
}

TEST_CASE("what is no message, or of no rank, changes nothing") {
  Job job(2);
  for (const char* text : {"", "{", "[]", "{\"kind\":\"dance\"}", "{\"kind\":\"take\",\"problem\":\"nonsense\"}",
                           "{\"kind\":\"row\",\"row\":{}}", "{\"kind\":\"join\",\"environment\":{\"device\":3}}"}) {
    CAPTURE(text);
    CHECK_FALSE(tools::parse_message(text));
    CHECK(job.coordinator->handle({1, text}).empty());
  }
  CHECK(job.coordinator->handle({7, tools::to_text({.kind = MessageKind::ask})}).empty());
  CHECK(job.coordinator->handle({-1, tools::to_text({.kind = MessageKind::ask})}).empty());
  job.join(0);
  job.join(1);
  CHECK(job.ask(0).kind == MessageKind::take);
}

TEST_CASE("nobody gets a problem before everybody has told what an earlier job left behind") {
  Job job(3, 1);
  job.join(0);
  job.join(1);
  CHECK(job.ask(0).kind == MessageKind::beat);
  job.say(
      2, {.kind = MessageKind::leftover, .number = 1, .lines = tools::lines_of({job.trial(job.list[0], "A", 2e-5)})});
  CHECK(job.last[0].kind != MessageKind::take);
  job.join(2);
  REQUIRE(job.last[0].kind == MessageKind::take);
  CHECK(tools::trials_of(job.last[0].lines).size() == 1);
  // One that never says anything holds the others up until it is taken for dead, one that leaves at once not at all.
  Job silent(2, 1);
  silent.join(0);
  CHECK(silent.ask(0).kind == MessageKind::beat);
  silent.now = 11;
  silent.take(silent.coordinator->tick());
  CHECK(silent.last[0].kind == MessageKind::take);
  Job leaves(2, 1);
  leaves.join(0);
  leaves.say(1, {.kind = MessageKind::bye, .text = "no device"});
  CHECK(leaves.ask(0).kind == MessageKind::take);
}

TEST_CASE("what an earlier job left behind is merged: it replaces nothing that is newer") {
  Job job(2, 1);
  Trial newer = job.trial(job.list[0], "A", 1e-5), older = newer;
  newer.unix_time += 100;
  older.measurement.median = 9e-5;
  REQUIRE(job.database.put(newer));
  job.say(1, {.kind = MessageKind::leftover, .number = 1, .lines = tools::lines_of({older})});
  CHECK(job.kept[1] == 1);
  CHECK(job.database.find(newer.environment, newer.problem, newer.config)->measurement.median == 1e-5);
}

}  // namespace fftconv
