#include "bench/peers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "bench/row_contender.h"
#include "library.h"

namespace fftconv::tools {
namespace {

enum class Lives { in_library, in_python };

struct PeerKind {
  const char* name;
  DeviceKind device;
  Lives lives;
  bool by_default;  ///< the others take minutes to plan, or a process to start
  std::vector<std::string> (*names)();
};

std::vector<std::string> pffft_names() { return {"libpffft.so", "libpffft.so.1"}; }
std::vector<std::string> kfr_names() { return {"libkfr_capi.so"}; }
std::vector<std::string> mkl_names() {
  return {"libmkl_rt.so", "libmkl_rt.so.3", "libmkl_rt.so.2", "libmkl_rt.so.1"};
}
std::vector<std::string> python_names() { return {"python3"}; }

constexpr PeerKind kPeers[] = {
    {"fftw", DeviceKind::cpu, Lives::in_library, true, fftw_names},
    {"fftw-patient", DeviceKind::cpu, Lives::in_library, false, fftw_names},
    {"pffft", DeviceKind::cpu, Lives::in_library, true, pffft_names},
    {"kfr", DeviceKind::cpu, Lives::in_library, true, kfr_names},
    {"mkl", DeviceKind::cpu, Lives::in_library, true, mkl_names},
    {"torch", DeviceKind::cpu, Lives::in_python, false, python_names},
    {"scipy", DeviceKind::cpu, Lives::in_python, false, python_names},
    {"cufft", DeviceKind::cuda, Lives::in_library, true, cufft_names},
};

const PeerKind* find_kind(const std::string& name) {
  const auto* const found = std::ranges::find(kPeers, name, &PeerKind::name);
  return found == std::end(kPeers) ? nullptr : found;
}

/// The file or program that a request names, else the first of the usual ones that is here.
Result<std::string> locate(const PeerKind& kind, const std::string& path) {
  const std::vector<std::string> names = path.empty() ? kind.names() : std::vector<std::string>{path};
  if (kind.lives == Lives::in_library) {
    const auto library = Library::open(
        names, fmt::format("the peer '{0}' is not compared: install it or give --peer {0}=FILE", kind.name));
    if (!library) return library.error();
    return library->name();
  }
  const std::string& name = names.front();
  if (name.find('/') == std::string::npos) {
    if (const auto program = find_program(name)) return program->string();
  } else if (::access(name.c_str(), X_OK) == 0 && !std::filesystem::is_directory(name)) {
    return name;
  }
  return Error{ErrorCode::dependency_missing,
               fmt::format("there is no program '{}' to run the peer '{}' in: give --peer {}=PYTHON", name, kind.name,
                           kind.name)};
}

MadeTransform make_transform(const std::string& name, const Problem& problem, const std::string& library,
                             const FftwOptions& options) {
  if (name == "fftw") return make_fftw(problem, library, FftwEffort::measure, options);
  if (name == "fftw-patient") return make_fftw(problem, library, FftwEffort::patient, options);
  if (name == "pffft") return make_pffft(problem, library);
  return name == "kfr" ? make_kfr(problem, library) : make_mkl(problem, library);
}

}  // namespace

std::string peer_names(DeviceKind device) {
  std::string text;
  for (const PeerKind& kind : kPeers) {
    if (kind.device == device) text += (text.empty() ? "" : ", ") + std::string(kind.name);
  }
  return text;
}

Result<std::vector<PeerRequest>> parse_peers(const std::vector<std::string>& texts, DeviceKind device) {
  std::vector<PeerRequest> requests;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const PeerRequest request{text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
    const PeerKind* const kind = find_kind(request.name);
    if (kind == nullptr || kind->device != device) {
      return invalid(fmt::format("'{}' is no peer on this device; give {}", request.name, peer_names(device)));
    }
    const bool again = std::ranges::find(requests, request.name, &PeerRequest::name) != requests.end();
    if (again && kind->lives == Lives::in_library) {
      return invalid(
          fmt::format("the peer '{}' is named twice, and one process cannot hold two of them", kind->name));
    }
    if (equals != std::string::npos) {
      if (const auto found = locate(*kind, request.path); !found) return found.error();
    }
    requests.push_back(request);
  }
  if (!texts.empty()) return requests;
  for (const PeerKind& kind : kPeers) {
    if (kind.by_default && kind.device == device) requests.push_back({kind.name, ""});
  }
  return requests;
}

Result<std::unique_ptr<Contender>> make_peer(const PeerRequest& request, const BenchData& data,
                                             const DeviceFacts& facts, const PeerSettings& settings) {
  const PeerKind& kind = *find_kind(request.name);
  if (data.problem.precision == Precision::f64) {
    return unsupported("peers are used in single precision, which is no comparison for fp64; give --precision f32");
  }
  const auto place = locate(kind, request.path);
  if (!place) return place.error();
  if (kind.device == DeviceKind::cuda) return make_cufft(data, *place, settings.ordinal, facts);
  if (kind.lives == Lives::in_python) return make_python_peer(data, kind.name, *place, settings.threads);
  auto transform = make_transform(kind.name, data.problem, *place, settings.fftw);
  if (!transform) return transform.error();
  return std::unique_ptr<Contender>(std::make_unique<RowContender>(data, settings.threads, std::move(*transform)));
}

}  // namespace fftconv::tools
