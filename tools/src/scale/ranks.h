// Ranks: the processes of one parallel job and the letters between them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "fftconv/result.h"

namespace fftconv::tools {

struct Letter {
  int from = 0;
  std::string text;
};

/// For one thread at a time. Letters from one rank arrive in the order in which they were sent. No call waits.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Takes the letter; that it arrives is known by the answer alone. Errors: io.
  virtual Result<void> send(int to, const std::string& text) = 0;
  virtual Result<std::optional<Letter>> receive() = 0;
  /// Letters that have not left yet.
  virtual std::size_t pending() = 0;
  /// The last call. `together`: every rank is known to be there and leaves now; may wait for them.
  virtual void leave(bool together) = 0;
};

/// The file of the MPI component: settings().mpi_component, else beside the program or in the library folder. None
/// where there is none or it is switched off. Opens nothing.
std::optional<std::filesystem::path> find_mpi();

/// The ranks of the MPI job that this process is started in, by the component that find_mpi()
/// finds, else one that the loader finds by its bare name. Once for each process. Errors:
/// dependency_missing, with what to do instead.
Result<std::unique_ptr<Ranks>> open_mpi();

}  // namespace fftconv::tools
