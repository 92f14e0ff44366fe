// Lists of devices: "cuda:all", "cuda:0,cuda:1".
#include <fmt/format.h>

#include <algorithm>

#include "fftconv/settings.h"
#include "machine.h"

namespace fftconv::tools {

Result<std::vector<std::string>> split_device_names(const std::string& text, const std::vector<DeviceInfo>& present) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) -> Result<void> {
    const std::string canonical = name == "cuda" ? "cuda:0" : name;
    if (std::find(names.begin(), names.end(), canonical) != names.end()) {
      return invalid(fmt::format("device '{}' is named twice in '{}'", name, text));
    }
    names.push_back(canonical);
    return {};
  };
  if (text.find(',') == std::string::npos && text != "cuda:all") return std::vector<std::string>{text};
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    begin = end + 1;
    if (name != "cuda:all") {
      if (const auto valid = parse_device_name(name); !valid) return valid.error();
      if (const auto added = add(name); !added) return added.error();
      continue;
    }
    std::string missing;
    int found = 0;
    for (const DeviceInfo& info : present) {
      if (info.kind != DeviceKind::cuda) continue;
      if (!info.available) missing = info.missing;
      if (!info.available) continue;
      if (const auto added = add(fmt::format("cuda:{}", info.ordinal)); !added) return added.error();
      ++found;
    }
    if (found == 0) return Error{ErrorCode::device_missing, "cuda:all names no device: " + missing};
  }
  return names;
}

std::string device_of_rank(const std::string& typed, int local_rank, int gpus) {
  if (!typed.empty() && typed != "cuda" && typed != "cuda:all") return typed;
  if (gpus > 0) return fmt::format("cuda:{}", local_rank % gpus);
  return typed.empty() ? typed : "cuda";
}

Result<std::vector<Target>> open_targets(const MachineOptions& options) {
  const std::string typed = options.device.empty() ? settings().device : options.device;
  const bool all = typed.find("cuda:all") != std::string::npos;
  const auto names = split_device_names(typed, all ? list_devices() : std::vector<DeviceInfo>());
  if (!names) return names.error();
  std::vector<Target> targets;
  for (const std::string& name : *names) {
    MachineOptions one = options;
    one.device = name;
    auto target = open_target(one);
    if (!target) return target.error();
    if (names->size() > 1 && !target->device) return Error{ErrorCode::device_missing, target->why_absent};
    targets.push_back(std::move(*target));
  }
  return targets;
}

}  // namespace fftconv::tools
