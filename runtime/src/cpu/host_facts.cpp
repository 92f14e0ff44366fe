#include "cpu/host_facts.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace fftconv {
namespace {

/// First line of a file; empty where there is none.
std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// "48K" of sysfs in bytes; 0 where it is no such text.
std::int64_t parse_size(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return 0;
  const char unit = end != text.data() + text.size() ? *end : ' ';
  return unit == 'K' ? value << 10 : unit == 'M' ? value << 20 : unit == 'G' ? value << 30 : value;
}

struct Caches {
  std::int64_t l1 = 32 << 10;
  std::int64_t l2 = 1 << 20;
  std::int64_t last = 0;
};

/// Data caches of core 0, from /sys; where it says nothing, small ones.
Caches read_caches() {
  Caches caches;
  for (int i = 0; i < 8; ++i) {
    const std::filesystem::path index = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i);
    const std::string level = first_line(index / "level"), type = first_line(index / "type");
    const std::int64_t size = parse_size(first_line(index / "size"));
    if (size == 0 || type == "Instruction") continue;
    if (level == "1") caches.l1 = size;
    if (level == "2") caches.l2 = size;
    caches.last = std::max(caches.last, size);
  }
  caches.last = std::max(caches.last, caches.l2);
  return caches;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

struct Arch {
  std::string name;
  int lanes = 0;
  int registers = 0;
};

#if defined(__x86_64__)
/// Bits of cpuid that __builtin_cpu_supports() has no name for in every compiler: F16C, MOVBE, LZCNT.
bool has_small_extensions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned movbe = 1u << 22, f16c = 1u << 29, lzcnt = 1u << 5;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (movbe | f16c)) != (movbe | f16c)) return false;
  return __get_cpuid(0x80000001u, &a, &b, &c, &d) != 0 && (c & lzcnt) != 0;
}

bool runs_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && has_small_extensions();
}
bool runs_v4() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

/// What this processor and its system run, best first. The two upper ones are what -target-cpu calls x86-64-v4 and
/// x86-64-v3.
std::vector<Arch> runnable_archs() {
#if defined(__x86_64__)
  std::vector<Arch> archs{{"x86-64", 4, 16}};
  if (!runs_v3()) return archs;
  archs.insert(archs.begin(), {"x86-64-avx2", 8, 16});
  if (!runs_v4()) return archs;
  archs.insert(archs.begin(), {"x86-64-avx512", 16, 32});
  return archs;
#else
  return {{"aarch64", 4, 32}};
#endif
}

}  // namespace

Result<DeviceFacts> read_host_facts(int threads, const std::string& arch) {
  const std::vector<Arch> archs = runnable_archs();
  const auto chosen = arch.empty() ? archs.begin() : std::ranges::find(archs, arch, &Arch::name);
  if (chosen == archs.end()) {
    return Error{ErrorCode::device_missing,
                 fmt::format("This processor is {}, not {}: leave the architecture out.", archs.front().name, arch)};
  }
  DeviceFacts facts;
  facts.kind = DeviceKind::cpu;
  facts.name = processor_name();
  if (facts.name.empty()) facts.name = chosen->name;
  facts.arch = chosen->name;
  facts.vector_lanes = chosen->lanes;
  facts.registers_per_sm = chosen->registers;
  const Caches caches = read_caches();
  facts.sm_count = threads;
  facts.max_warps_per_sm = 1;
  facts.shared_per_sm = caches.l1;
  facts.shared_per_block = caches.l2;
  facts.l2_bytes = caches.last;
  return facts;
}

std::string os_release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "unknown";
}

}  // namespace fftconv
