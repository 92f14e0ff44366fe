// doctor: what is here, what is missing, and what that costs.
#include <fmt/format.h>

#include "database.h"
#include "fftconv/device.h"
#include "fftconv/kernel_source.h"
#include "fftconv/llvm_component.h"
#include "fftconv/nvrtc.h"
#include "fftconv/settings.h"
#include "fftconv/worker.h"
#include "json_out.h"
#include "library.h"
#include "scale/ranks.h"
#include "table.h"
#include "tune/commands.h"
#include "version.h"

namespace fftconv::tools {
namespace {

struct Part {
  std::string name;
  bool found = false;
  std::string detail;  ///< version or place; what is missing
  std::string cost;    ///< of being without it
};

Part nvrtc_part() {
  const auto version = nvrtc_version();
  return {"NVRTC", version.ok(), version ? *version : version.error().message,
          "no CUDA kernel can be compiled; cached ones still run"};
}

Part llvm_part() {
  const auto component = llvm_component();
  return {"LLVM component", component.ok(), component ? (*component)->version() : component.error().message,
          "the CPU device runs its portable kernel, or an installed compiler's; no simulated device"};
}

Part host_compiler_part(const std::vector<DeviceInfo>& devices) {
  const std::string& named = settings().host_compiler;
  Part part{"host compiler", true, "in process, by the LLVM component", "kernels for the CPU are slower"};
  for (const DeviceInfo& device : devices) {
    if (device.kind != DeviceKind::cpu) continue;
    part.found = device.available && (device.caveat.empty() || !named.empty());
    if (!device.available) part.detail = device.missing;
    if (!device.caveat.empty()) part.detail = device.caveat;
  }
  return part;
}

Part library_part(const std::string& name, const std::vector<std::string>& files, const std::string& cost) {
  const auto library = Library::open(files, "");
  return {name, library.ok(), library ? library->name() : files.front() + " is not installed", cost};
}

Part program_part(const std::string& name, const std::string& cost) {
  const auto file = find_program(name);
  return {name, file.has_value(), file ? file->string() : "not installed", cost};
}

Part worker_part() {
  const auto pool = make_worker_pool();
  return {"worker", pool.ok(), pool ? find_worker().string() : pool.error().message,
          "candidates run in the tuner's own process, where one that crashes ends the sweep"};
}

/// Only looked for: an MPI that starts outside its launcher may wait or complain.
Part mpi_part() {
  const auto file = find_mpi();
  return {"MPI component", file.has_value(), file ? file->string() : "not built (libopenmpi-dev), or switched off",
          "a sweep is divided among processes by --shard alone"};
}

/// libcuda is what list_devices() says of the first CUDA device.
Part libcuda_part(const std::vector<DeviceInfo>& devices) {
  Part part{"libcuda", false, "", "no CUDA device; the CPU device is the default"};
  for (const DeviceInfo& device : devices) {
    if (device.kind != DeviceKind::cuda) continue;
    part.found = device.available;
    part.detail = device.available ? "a device answers" : "no CUDA device, as said above";
    break;
  }
  return part;
}

std::string state_text(const DatabaseState& look) {
  std::string text = look.state;
  if (look.exists) {
    if (!text.empty()) text += ", ";
    text += show_bytes(static_cast<double>(look.bytes));
    text += look.writable ? ", writable" : ", not writable: what is learned is lost with the process";
  }
  return text;
}

std::string as_text(const std::vector<DeviceInfo>& devices, const std::vector<Part>& parts,
                    const std::vector<DatabaseState>& files) {
  Table device_table({{"device"}, {"state"}, {"name, or what is missing"}});
  for (const DeviceInfo& device : devices) {
    device_table.add(
        {device.kind == DeviceKind::cuda ? fmt::format("cuda:{}", device.ordinal) : to_string(device.kind),
         device.available ? "ready" : "missing",
         one_line(!device.available       ? device.missing
                  : device.caveat.empty() ? device.name
                                          : device.name + "; " + device.caveat)});
  }
  Table part_table({{"library"}, {"state"}, {"version, or what is missing"}});
  for (const Part& part : parts) {
    part_table.add({part.name, part.found ? "found" : "missing",
                    one_line(part.found ? part.detail : part.detail + "; without it " + part.cost)});
  }
  Table file_table({{"database"}, {"state"}});
  for (const DatabaseState& look : files) file_table.add({look.file.string(), one_line(state_text(look))});
  return fmt::format("fftconv {}, generator {}\n\n{}\n{}\n{}", version(), generator_digest().substr(0, 12),
                     device_table.text(), part_table.text(), file_table.text());
}

Json as_json(const std::vector<DeviceInfo>& devices, const std::vector<Part>& parts,
             const std::vector<DatabaseState>& files) {
  Json json{{"version", version()}, {"generator_digest", generator_digest()}};
  for (const DeviceInfo& device : devices) {
    json["devices"].push_back({{"kind", to_string(device.kind)},
                               {"ordinal", device.ordinal},
                               {"available", device.available},
                               {"name", device.name},
                               {"missing", device.missing},
                               {"caveat", device.caveat}});
  }
  for (const Part& part : parts) {
    json["libraries"].push_back(
        {{"name", part.name}, {"found", part.found}, {"detail", part.detail}, {"without_it", part.cost}});
  }
  for (const DatabaseState& look : files) {
    json["databases"].push_back({{"file", look.file.string()},
                                 {"exists", look.exists},
                                 {"writable", look.writable},
                                 {"bytes", look.bytes},
                                 {"state", look.state}});
  }
  return json;
}

}  // namespace

int doctor(const TuneOptions& options, const Console& console) {
  const std::vector<DeviceInfo> devices = list_devices();
  const std::vector<Part> parts = {
      libcuda_part(devices),
      nvrtc_part(),
      library_part("NVML", {"libnvidia-ml.so.1"}, "a GPU that is hot or short of power is timed as any other"),
      llvm_part(),
      host_compiler_part(devices),
      library_part("FFTW", fftw_names(), "fftconv-bench has no peer on the CPU"),
      library_part("cuFFT", cufft_names(), "fftconv-bench has no peer on the GPU"),
      worker_part(),
      mpi_part(),
      program_part("nvdisasm", "fftconv-inspect sass prints no machine code"),
  };
  const std::vector<DatabaseState> files = {look_at_tuning_db(tuning_db_file()), look_at_file(kernels_db_file())};
  return finish(console, options.json ? dump(as_json(devices, parts, files)) : as_text(devices, parts, files));
}

}  // namespace fftconv::tools
