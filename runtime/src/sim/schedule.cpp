// Fibers of a block and what they wait for.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "sim/launch.h"

namespace fftconv::sim {
namespace {

constexpr std::size_t warp_stack_bytes = std::size_t{8} << 20;  // unoptimised code keeps every vector on the stack
constexpr std::size_t thread_stack_bytes = std::size_t{256} << 10;
constexpr int named_barriers = 15;
constexpr std::size_t shared_alignment = 128;

thread_local Launch* running = nullptr;

std::uint64_t next_random(std::uint64_t& state) {  // xorshift64*
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545f4914f6cdd1dull;
}

}  // namespace

Launch::Launch(const SimOptions& options, LaunchRequest request, Workspace& workspace)
    : options_(options),
      request_(std::move(request)),
      workspace_(workspace),
      random_(options.seed * 0x9e3779b97f4a7c15ull + 1) {
  warps_ = request_.entry->threads / lanes_per_warp;
  uses_.resize(request_.memory.size());
  agents_ = static_cast<std::size_t>(vector_mode() ? warps_ : request_.entry->threads);
}

Launch& Launch::current() { return *running; }

bool Launch::run() {
  if (!workspace_.stacks.reserve(agents_, vector_mode() ? warp_stack_bytes : thread_stack_bytes)) return false;
  if (workspace_.agents.size() < agents_) workspace_.agents.resize(agents_);
  workspace_.shared_storage.resize(shared_bytes() + shared_alignment);
  const auto address = reinterpret_cast<std::uintptr_t>(workspace_.shared_storage.data());
  shared_ = workspace_.shared_storage.data() + (shared_alignment - address % shared_alignment) % shared_alignment;
  Launch* outer = running;
  running = this;
  adopt_thread(scheduler_);
  const auto& grid = request_.entry->grid;
  for (int z = 0; z < grid[2] && !aborted_; ++z) {
    for (int y = 0; y < grid[1] && !aborted_; ++y) {
      for (int x = 0; x < grid[0] && !aborted_; ++x) {
        where_ = {{x, y, z}, 0, 0};
        run_block();
      }
    }
  }
  running = outer;
  return true;
}

SimReport Launch::take_report() { return {findings_.take(), counters_}; }

void Launch::run_block() {
  std::memset(shared_, 0xFF, shared_bytes());
  if (options_.checks) workspace_.shadow.reset(shared_bytes(), warps_);
  meetings_ = {};
  ready_.clear();
  waiting_ = 0;
  live_ = static_cast<int>(agents_);
  for (std::size_t i = 0; i < agents_; ++i) {
    Agent& agent = workspace_.agents[i];
    agent.warp = static_cast<int>(vector_mode() ? i : i / lanes_per_warp);
    agent.lane = static_cast<int>(vector_mode() ? 0 : i % lanes_per_warp);
    agent.copies.clear();
    agent.groups.clear();
    agent.finished_copies = agent.finished_groups = 0;
    workspace_.stacks.prepare(agent.fiber, i, agent_main, &agent);
    make_ready(agent);
  }
  while (!ready_.empty() && !aborted_) {
    const std::size_t pick = next_random(random_) % ready_.size();
    std::swap(ready_[pick], ready_.back());
    agent_ = ready_.back();
    ready_.pop_back();
    switch_fiber(scheduler_, agent_->fiber);
  }
  if (live_ > 0 && !aborted_) report_deadlock();
  for (std::size_t i = 0; i < agents_; ++i) forget_fiber(workspace_.agents[i].fiber);
}

void Launch::agent_main(void*) {
  Launch& launch = current();
  enter_fiber(launch.scheduler_);
  launch.request_.function(*launch.request_.args);
  launch.finish();
}

void Launch::finish() {
  agent_->activity = Activity::done;
  --live_;
  release_block_barrier();  // those that exit are no longer waited for
  switch_fiber(agent_->fiber, scheduler_, /*last=*/true);
  std::abort();
}

void Launch::make_ready(Agent& agent) {
  agent.activity = Activity::ready;
  ready_.push_back(&agent);
}

void Launch::suspend(Activity activity, int line) {
  agent_->activity = activity;
  agent_->line = line;
  switch_fiber(agent_->fiber, scheduler_);
}

Where Launch::where(int lane) const {
  Where where = where_;
  where.warp = agent_->warp;
  where.lane = vector_mode() || lane >= lane_collective ? lane : agent_->lane;
  return where;
}

void Launch::block_sync(int line) {
  ++waiting_;
  Agent& self = *agent_;
  self.activity = Activity::block_barrier;
  self.line = line;
  release_block_barrier();
  switch_fiber(self.fiber, scheduler_);
}

void Launch::release_block_barrier() {
  if (waiting_ == 0 || waiting_ != live_) return;
  waiting_ = 0;
  release(Activity::block_barrier, 0, "block_sync");
}

void Launch::group_sync(int id, int threads, int line) {
  if (id < 0 || id >= named_barriers || threads <= 0 || threads % lanes_per_warp != 0 ||
      threads > request_.entry->threads) {
    findings_.add("barrier", line, 0,
                  fmt::format("barrier: line {} asks for named barrier {} of {} threads: ids are 0 to 14, threads a "
                              "multiple of 32 up to the block's {}.",
                              line, id, threads, request_.entry->threads));
    return;
  }
  Agent& self = *agent_;
  self.activity = Activity::group_barrier;
  self.line = line;
  self.group = id;
  self.expected = threads;
  release_group_barrier(id);
  switch_fiber(self.fiber, scheduler_);
}

void Launch::release_group_barrier(int id) {
  int arrived = 0;
  for (std::size_t i = 0; i < agents_; ++i) {
    const Agent& agent = workspace_.agents[i];
    if (agent.activity != Activity::group_barrier || agent.group != id) continue;
    arrived += lanes();
    if (agent.expected != agent_->expected) {
      findings_.add("barrier", agent_->line, agent.line,
                    fmt::format("barrier: line {} expects {} threads at named barrier {} and line {} expects {}.",
                                agent_->line, agent_->expected, id, agent.line, agent.expected));
    }
  }
  if (arrived >= agent_->expected) release(Activity::group_barrier, id, "group_sync");
}

void Launch::release(Activity activity, int id, const char* name) {
  std::uint32_t members = 0;
  std::array<int, max_warps> present{};
  int first_line = 0;
  for (std::size_t i = 0; i < agents_; ++i) {
    Agent& agent = workspace_.agents[i];
    if (agent.activity != activity || (activity == Activity::group_barrier && agent.group != id)) continue;
    members |= 1u << agent.warp;
    present[static_cast<std::size_t>(agent.warp)] += lanes();
    if (first_line == 0) first_line = agent.line;
    if (activity == Activity::block_barrier && agent.line != first_line) {
      findings_.add("barrier", std::min(agent.line, first_line), std::max(agent.line, first_line),
                    fmt::format("barrier: warps of one block meet in block_sync of line {} and of line {}: every "
                                "warp must pass the same one.",
                                std::min(agent.line, first_line), std::max(agent.line, first_line)));
    }
    make_ready(agent);
  }
  for (int w = 0; w < warps_; ++w) {
    const int lanes_here = present[static_cast<std::size_t>(w)];
    const bool missing = activity == Activity::block_barrier && lanes_here != lanes_per_warp;
    const bool split = lanes_here != 0 && lanes_here != lanes_per_warp;
    if (missing || split) {
      findings_.add(
          "barrier", first_line, 0,
          fmt::format("barrier: {} of line {} is passed by {} of 32 lanes of warp {} (block ({},{},{})): the "
                      "others have left the kernel or wait elsewhere.",
                      name, first_line, lanes_here, w, where_.block[0], where_.block[1], where_.block[2]));
    }
  }
  ++counters_.barriers;
  if (options_.checks) workspace_.shadow.clocks().join(members);
}

bool Launch::meet(Collective kind, int line, void* result, std::array<const void*, 3> operands) {
  Meeting& meeting = meetings_[static_cast<std::size_t>(agent_->warp)];
  if (meeting.arrived > 0 && (meeting.kind != kind || meeting.line != line)) {
    findings_.add("barrier", std::min(line, meeting.line), std::max(line, meeting.line),
                  fmt::format("barrier: lanes of warp {} are in line {} and in line {} at operations that the whole "
                              "warp does together: control flow must not differ between lanes.",
                              agent_->warp, meeting.line, line));
    aborted_ = true;
    suspend(Activity::collective, line);  // for good
  }
  meeting.kind = kind;
  meeting.line = line;
  meeting.result[static_cast<std::size_t>(agent_->lane)] = result;
  meeting.operands[static_cast<std::size_t>(agent_->lane)] = operands;
  if (++meeting.arrived == lanes_per_warp) return true;
  suspend(Activity::collective, line);
  return false;
}

void Launch::end_meeting() {
  meetings_[static_cast<std::size_t>(agent_->warp)].arrived = 0;
  const std::size_t first = static_cast<std::size_t>(agent_->warp) * lanes_per_warp;
  for (std::size_t i = first; i < first + lanes_per_warp; ++i) {
    Agent& agent = workspace_.agents[i];
    if (agent.activity == Activity::collective) make_ready(agent);
  }
}

void Launch::warp_sync(int line) {
  if (!vector_mode() && !meet(Collective::warp_sync, line, nullptr, {})) return;
  if (options_.checks) workspace_.shadow.clocks().join(1u << agent_->warp);
  if (!vector_mode()) end_meeting();
}

void Launch::report_deadlock() {
  const auto name = [](const Agent& agent) {
    switch (agent.activity) {
      case Activity::block_barrier:
        return std::string("block_sync");
      case Activity::group_barrier:
        return fmt::format("group_sync({}, {})", agent.group, agent.expected);
      default:
        return std::string("an operation of the whole warp");
    }
  };
  const Agent* first = nullptr;
  const Agent* other = nullptr;
  int waiting = 0;
  for (std::size_t i = 0; i < agents_; ++i) {
    const Agent& agent = workspace_.agents[i];
    if (agent.activity == Activity::done) continue;
    waiting += lanes();
    if (!first) first = &agent;
    if (agent.line != first->line && !other) other = &agent;
  }
  std::string rest = fmt::format("the other {} have left the kernel", request_.entry->threads - waiting);
  if (other) rest = fmt::format("others wait at {} of line {}", name(*other), other->line);
  findings_.add("barrier", first->line, other ? other->line : 0,
                fmt::format("barrier: block ({},{},{}) hangs: warp {} waits at {} of line {}, {}.", where_.block[0],
                            where_.block[1], where_.block[2], first->warp, name(*first), first->line, rest));
  aborted_ = true;
}

}  // namespace fftconv::sim
