#include "scale/rank_sweep.h"

#include <fmt/format.h>

#include <cstdlib>

#include "scale/rank_folder.h"
#include "scale/rank_post.h"
#include "scale/rank_source.h"
#include "scale/watched_ranks.h"

namespace fftconv::tools {
namespace {

std::unique_ptr<Coordinator> make_coordinator(const RankSweep& job, int ranks, TuningDb& database) {
  CoordinatorOptions options{
      .problems = job.problems, .ranks = ranks, .silence_s = job.silence_s, .clock = awake_clock(), .log = job.log};
  if (job.finished) options.finished = [&job, &database](const SweepRow& row) { job.finished(row, database); };
  return std::make_unique<Coordinator>(std::move(options), database);
}

/// The thread inside MPI cannot be ended alone, and would use what an orderly end takes down. The databases bear it.
[[noreturn]] void end_at_once(const RankSweep& job) {
  if (job.log) {
    job.log(
        fmt::format("the MPI library has not returned from a call for {:.3g} s, as it may where another rank died "
                    "in the middle of a letter: this rank ends; give the same command again, which measures what "
                    "is missing",
                    job.call_s));
  }
  std::_Exit(1);
}

/// Searches until there is no more; the context is gone when it returns.
Result<RankOutcome> search_all(RankPost& post, const RankSweep& job, const std::filesystem::path& directory) {
  auto context = job.open(directory);
  if (!context) return context.error();
  const SweepOptions options = job.options(*context);
  const Environment environment = environment_under(**context, options.policy);
  const auto source = make_rank_source(post, **context, environment, rank_name(post.rank()));
  sweep(**context, *source, options);
  return RankOutcome{.environment = environment, .cancelled = options.cancelled && options.cancelled()};
}

}  // namespace

Result<RankOutcome> sweep_by_ranks(std::unique_ptr<Ranks> ranks, const RankSweep& job) {
  ranks = watch(std::move(ranks), job.call_s, [&job] { end_at_once(job); });
  const bool first = ranks->rank() == 0;
  std::optional<TuningDb> database;
  std::unique_ptr<Coordinator> coordinator;
  if (first) {
    auto opened = TuningDb::open(job.cache / "tuning.db", job.log);
    if (!opened) return opened.error();
    coordinator = make_coordinator(job, ranks->size(), database.emplace(std::move(*opened)));
  }
  RankPost post(std::move(ranks), std::move(coordinator), job.silence_s);
  std::vector<RankFolder> folders = RankFolder::left_behind(job.cache);
  for (const RankFolder& folder : folders) {
    const std::string lines = folder.lines();
    if (!lines.empty()) post.say({.kind = MessageKind::leftover, .lines = lines});
  }
  std::filesystem::path directory = job.cache;
  if (!first) {
    auto own = RankFolder::make(job.cache, post.rank());
    if (!own) {
      post.finish(own.error().message);
      return own.error();
    }
    directory = own->path();
    folders.push_back(std::move(*own));
  }
  Result<RankOutcome> outcome = search_all(post, job, directory);
  if (!outcome) {
    post.finish(outcome.error().message);
    return outcome;
  }
  if (outcome->cancelled && first) post.cancel();
  outcome->complete = post.finish() == RankPost::Ending::complete;
  if (outcome->complete) {
    for (RankFolder& folder : folders) folder.remove();
  } else if (job.log) {
    job.log(
        fmt::format("rank 0 is gone or could not store all: what this rank measured stays in {} for the next sweep "
                    "on this machine",
                    directory.string()));
  }
  return outcome;
}

}  // namespace fftconv::tools
