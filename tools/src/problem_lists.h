// The problems that a command line names: the product of its lists, and problems given as canonical text.
#pragma once

#include <string>
#include <vector>

#include "fftconv/problem.h"

namespace fftconv::tools {

/// As typed; an empty text is the default that stands beside it.
struct ProblemLists {
  std::vector<std::string> problems;  ///< canonical texts, each a problem of its own
  std::string seqlen;                 ///< required unless `problems` are given
  std::string filter_len;             ///< "L", the sequence length
  std::string batch;                  ///< 1
  std::string channels;               ///< 1
  std::string mode;                   ///< causal
  std::string direction;              ///< forward
  std::string io;                     ///< the type of the same name as the precision
  std::string precision;              ///< the caller's default
  std::vector<std::string> sparsity;  ///< "dense", or "kept-A,B,C,D" as in the canonical text
};

/// All problems, without duplicates, shortest rows first within each kind. Errors: invalid_argument, one sentence.
Result<std::vector<Problem>> expand(const ProblemLists& lists, Precision default_precision);

/// expand() where exactly one problem is wanted.
Result<Problem> expand_one(const ProblemLists& lists, Precision default_precision);

}  // namespace fftconv::tools
