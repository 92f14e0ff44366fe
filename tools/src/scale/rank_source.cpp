#include "scale/rank_source.h"

#include "fftconv/tuner.h"

namespace fftconv::tools {
namespace {

class RankSource final : public ProblemSource {
 public:
  RankSource(RankPost& post, Context& context, const Environment& environment, const std::string& name)
      : post_(post), context_(context), environment_(environment) {
    post_.say({.kind = MessageKind::join, .text = name, .environment = environment_});
  }

  std::optional<Assignment> next() override {
    post_.say({.kind = MessageKind::ask});
    const std::optional<Message> message = post_.wait();
    if (!message || message->kind != MessageKind::take) return std::nullopt;
    if (post_.rank() != 0 && !message->lines.empty()) {
      context_.with_database([&](TuningDb& database) {
        const auto taken = database.import_lines(message->lines);
        (void)taken;  // without them candidates are measured again
      });
    }
    return Assignment{message->index, message->problem, message->share};
  }

  void learned(const Trial& trial) override {
    if (post_.rank() != 0) post_.say({.kind = MessageKind::trials, .lines = lines_of({trial})});
  }

  void done(const Assignment& assignment, const SweepRow& row) override {
    // All again: finals and ties change trials after they were learned.
    std::vector<Trial> trials;
    context_.with_database([&](TuningDb& database) { trials = database.trials(environment_, assignment.problem); });
    post_.say({.kind = MessageKind::row, .index = assignment.index, .lines = lines_of(trials), .row = row});
  }

  std::size_t problems() const override { return post_.problems(); }
  std::size_t finished() const override { return post_.finished(); }

 private:
  RankPost& post_;
  Context& context_;
  Environment environment_;
};

}  // namespace

std::unique_ptr<ProblemSource> make_rank_source(RankPost& post, Context& context, const Environment& environment,
                                                const std::string& name) {
  return std::make_unique<RankSource>(post, context, environment, name);
}

}  // namespace fftconv::tools
