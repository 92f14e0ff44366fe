// RankSource: the problems that the coordinator of a parallel job hands to this rank.
#pragma once

#include <memory>

#include "fftconv/plan.h"
#include "fftconv/problem_source.h"
#include "scale/rank_post.h"

namespace fftconv::tools {

/// Joins the job with the environment that the search's times are stored with. Trials go to the coordinator as soon
/// as they are stored here, but on rank 0, whose database is the coordinator's. `post` and `context` must outlive it.
std::unique_ptr<ProblemSource> make_rank_source(RankPost& post, Context& context, const Environment& environment,
                                                const std::string& name);

}  // namespace fftconv::tools
