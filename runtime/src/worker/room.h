// A process in which candidates of one problem run, and who ran in it.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/compiling.h"
#include "worker/starter.h"

namespace fftconv::worker {

/// Starts its process when the first candidate comes. For one thread at a time.
class Room {
 public:
  Room(Starter& starter, Compiling& compiling) : starter_(starter), compiling_(compiling) {}

  /// Starts the process now. Errors: those of Starter::runner().
  Result<void> open(SearchLimit::Stage stage = SearchLimit::Stage::check);
  /// As Runner::prepare().
  Result<Measurement> prepare(const KernelConfig& config);
  /// As Runner::sample(); prepares the candidate where it is not in the process.
  Result<Sample> sample(const KernelConfig& config);
  void release(const KernelConfig& config);
  /// Ends the process and forgets who ran.
  void close();

  /// Requests about a candidate that the process has answered.
  int runs(const KernelConfig& config) const;
  /// Who ran last of all others; none where `config` had the process to itself.
  std::optional<KernelConfig> before(const KernelConfig& config) const;

 private:
  Result<Measurement> prepare_for(SearchLimit::Stage stage, const KernelConfig& config);
  /// The answer to a request about a candidate. Errors: timeout, crashed; busy where the search is over; those of
  /// open().
  Result<Message> ask(SearchLimit::Stage stage, const Message& request, const KernelConfig& config,
                      const char* doing);

  Starter& starter_;
  Compiling& compiling_;
  std::unique_ptr<Process> process_;
  std::vector<KernelConfig> history_;  ///< whose requests process_ has answered, in order
  std::set<std::string> loaded_;       ///< prepared in process_ and not released
};

}  // namespace fftconv::worker
