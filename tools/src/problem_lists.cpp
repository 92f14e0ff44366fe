#include "problem_lists.h"

#include <fmt/format.h>

#include <optional>
#include <unordered_set>

#include "sizes.h"

namespace fftconv::tools {
namespace {

constexpr std::size_t kMostProblems = 100000;

Error too_many() {
  return invalid(fmt::format("these lists make more than {} problems; shorten them", kMostProblems));
}

template <class T, class Parse>
Result<std::vector<T>> parse_names(const std::string& text, const Parse& parse) {
  std::vector<T> values;
  for (const std::string& name : split_commas(text)) {
    auto value = parse(name);
    if (!value) return value.error();
    values.push_back(*value);
  }
  return values;
}

struct Types {
  DataType io;
  Precision precision;
};

DataType same_name(Precision precision) {
  switch (precision) {
    case Precision::f16:
      return DataType::f16;
    case Precision::bf16:
      return DataType::bf16;
    case Precision::f64:
      return DataType::f64;
    case Precision::f32:
      break;
  }
  return DataType::f32;
}

Result<std::vector<Types>> parse_types(const ProblemLists& lists, Precision fallback) {
  std::vector<Precision> precisions{fallback};
  if (!lists.precision.empty()) {
    auto parsed = parse_names<Precision>(lists.precision, [](const auto& text) { return parse_precision(text); });
    if (!parsed) return parsed.error();
    precisions = *parsed;
  }
  std::vector<Types> types;
  if (lists.io.empty()) {
    for (const Precision precision : precisions) types.push_back({same_name(precision), precision});
    return types;
  }
  auto ios = parse_names<DataType>(lists.io, [](const auto& text) { return parse_data_type(text); });
  if (!ios) return ios.error();
  for (const DataType io : *ios) {
    for (const Precision precision : precisions) types.push_back({io, precision});
  }
  return types;
}

/// `problem` with the frequencies that `sparsity` keeps; the canonical text's own spelling is what is typed.
Result<Problem> with_sparsity(const Problem& problem, const std::string& sparsity) {
  if (sparsity.empty() || sparsity == "dense") return problem;
  if (!sparsity.starts_with("kept-")) {
    return invalid(fmt::format(
        "sparsity '{}' is neither 'dense' nor 'kept-A,B,C,D' with a hexadecimal mask of kept blocks for each digit",
        sparsity));
  }
  auto parsed = parse_problem(to_string(problem) + "/" + sparsity);
  if (!parsed) return invalid(fmt::format("sparsity '{}': {}", sparsity, parsed.error().message));
  return parsed;
}

class Unique {
 public:
  Result<void> add(const Problem& problem) {
    auto valid = validate(problem);
    if (!valid) return valid.error();
    if (seen_.insert(to_string(problem)).second) problems_.push_back(problem);
    if (problems_.size() > kMostProblems) return too_many();
    return {};
  }
  std::vector<Problem> take() { return std::move(problems_); }

 private:
  std::unordered_set<std::string> seen_;
  std::vector<Problem> problems_;
};

struct Sizes {
  std::vector<std::int64_t> seqlen, batch{1}, channels{1};
  std::optional<std::vector<std::int64_t>> filter_len;  ///< nothing: the sequence length
};

Result<Sizes> parse_all_sizes(const ProblemLists& lists) {
  Sizes sizes;
  const auto parse = [](const std::string& text, const char* what, std::vector<std::int64_t>& out) -> Result<void> {
    if (text.empty()) return {};
    auto parsed = parse_sizes(text, what);
    if (!parsed) return parsed.error();
    out = *parsed;
    return {};
  };
  if (auto done = parse(lists.seqlen, "seqlen", sizes.seqlen); !done) return done.error();
  if (auto done = parse(lists.batch, "batch", sizes.batch); !done) return done.error();
  if (auto done = parse(lists.channels, "channels", sizes.channels); !done) return done.error();
  if (!lists.filter_len.empty() && lists.filter_len != "L") {
    sizes.filter_len.emplace();
    if (auto done = parse(lists.filter_len, "filter-len", *sizes.filter_len); !done) return done.error();
  }
  return sizes;
}

Result<void> add_product(const ProblemLists& lists, Precision fallback, Unique& unique) {
  const auto sizes = parse_all_sizes(lists);
  if (!sizes) return sizes.error();
  const auto modes = parse_names<Mode>(lists.mode.empty() ? "causal" : lists.mode,
                                       [](const auto& text) { return parse_mode(text); });
  if (!modes) return modes.error();
  const auto directions = parse_names<Direction>(lists.direction.empty() ? "forward" : lists.direction,
                                                 [](const auto& text) { return parse_direction(text); });
  if (!directions) return directions.error();
  const auto types = parse_types(lists, fallback);
  if (!types) return types.error();
  const std::vector<std::string> sparsities = lists.sparsity.empty() ? std::vector<std::string>{""} : lists.sparsity;
  std::vector<Problem> problems{Problem{}};
  // Each step multiplies the list by one more of the lists typed; the last varies fastest.
  const auto times = [&](const auto& values, const auto& set) -> Result<void> {
    if (problems.size() * values.size() > kMostProblems) return too_many();
    std::vector<Problem> product;
    for (const Problem& problem : problems) {
      for (const auto& value : values) {
        product.push_back(problem);
        set(product.back(), value);
      }
    }
    problems = std::move(product);
    return {};
  };
  const auto lengths = [](Problem& p, std::int64_t value) { p.seqlen = p.filter_len = value; };
  for (const auto& done :
       {times(*modes, [](Problem&p, Mode mode) { p.mode = mode; }),
        times(*directions, [](Problem&p, Direction direction) { p.direction = direction; }),
        times(*types, [](Problem&p, const Types&t) { p.io = t.io, p.precision = t.precision; }),
        times(sizes->channels, [](Problem&p, std::int64_t value) { p.channels = value; }),
        times(sizes->batch, [](Problem&p, std::int64_t value) { p.batch = value; }), times(sizes->seqlen, lengths),
        !sizes->filter_len ? Result<void>() : times(*sizes->filter_len, [](Problem&p, std::int64_t value) {
          p.filter_len = value;
        })}) {
    if (!done) return done.error();
  }
  for (const Problem& problem : problems) {
    if (auto valid = validate(problem); !valid) return valid.error();
    for (const std::string& sparsity : sparsities) {
      auto sparse = with_sparsity(problem, sparsity);
      if (!sparse) return sparse.error();
      if (auto added = unique.add(*sparse); !added) return added.error();
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Problem>> expand(const ProblemLists& lists, Precision default_precision) {
  if (lists.seqlen.empty() && lists.problems.empty()) {
    return invalid("no problem is named; give --seqlen (and further lists), or --problem with canonical text");
  }
  Unique unique;
  for (const std::string& text : lists.problems) {
    auto problem = parse_problem(text);
    if (!problem) return problem.error();
    if (auto added = unique.add(*problem); !added) return added.error();
  }
  if (!lists.seqlen.empty()) {
    if (auto added = add_product(lists, default_precision, unique); !added) return added.error();
  }
  return unique.take();
}

Result<Problem> expand_one(const ProblemLists& lists, Precision default_precision) {
  auto problems = expand(lists, default_precision);
  if (!problems) return problems.error();
  if (problems->size() != 1) {
    return invalid(fmt::format("{} problems are named where one is wanted; give single values", problems->size()));
  }
  return problems->front();
}

}  // namespace fftconv::tools
