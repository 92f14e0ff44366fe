// Which peers there are, where each is found, and how one is made.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/contender.h"
#include "bench/row_transform.h"

namespace fftconv::tools {

struct PeerRequest {
  std::string name;  ///< of a peer that there is: "fftw", "torch" …
  std::string path;  ///< of its library, or of a Python for those that run in one; empty: the usual ones
  bool operator==(const PeerRequest&) const = default;
};

struct PeerSettings {
  int threads = 1;  ///< on a CPU
  int ordinal = 0;  ///< of a CUDA device
  FftwOptions fftw;
};

/// "NAME" or "NAME=PATH" each; where none is typed, those that run by default on the device. Errors: invalid_argument
/// for an unknown name, dependency_missing for a path that cannot be opened or run.
Result<std::vector<PeerRequest>> parse_peers(const std::vector<std::string>& texts, DeviceKind device);
/// "fftw, fftw-patient, …" of a kind of device; of all kinds in a help text.
std::string peer_names(DeviceKind device);

/// `data` must outlive it. Errors: dependency_missing where it is not installed, unsupported where it cannot compute
/// the problem.
Result<std::unique_ptr<Contender>> make_peer(const PeerRequest& request, const BenchData& data,
                                             const DeviceFacts& facts, const PeerSettings& settings);

}  // namespace fftconv::tools
