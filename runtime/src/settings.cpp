#include "fftconv/settings.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

extern char** environ;

namespace fftconv {
namespace {

std::string read(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

int read_int(const char* name, int otherwise) {
  const std::string text = read(name);
  int value = otherwise;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && stop == text.data() + text.size() ? value : otherwise;
}

struct LauncherNames {
  const char *name, *rank, *size, *local_rank;
};

// The first whose rank and size are both there. SLURM_NTASKS is set in a batch script, too, which runs once: only a
// step started by srun has SLURM_STEP_NUM_TASKS.
constexpr LauncherNames kLaunchers[] = {
    {"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"MVAPICH2", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_RANK"},
    {"MPICH (PMI)", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
    {"Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"},
};

Launcher read_launcher() {
  Launcher launcher;
  for (const LauncherNames& names : kLaunchers) {
    const int rank = read_int(names.rank, -1), size = read_int(names.size, 0);
    if (rank < 0 || size < 1) continue;
    launcher = {.name = names.name, .rank = rank, .size = size, .local_rank = read_int(names.local_rank, 0)};
    break;
  }
  // Every FIRST..LAST:STEP is numbered without gaps; a list with gaps has an index beyond the count.
  const int task = read_int("SLURM_ARRAY_TASK_ID", -1), first = read_int("SLURM_ARRAY_TASK_MIN", 0);
  const int step = read_int("SLURM_ARRAY_TASK_STEP", 1), count = read_int("SLURM_ARRAY_TASK_COUNT", 0);
  if (task < 0 || count < 1) return launcher;
  const bool regular = step > 0 && task >= first && (task - first) % step == 0;
  launcher.array_index = regular ? (task - first) / step : -1;
  launcher.array_count = count;
  return launcher;
}

Settings read_environment() {
  return {.cache_dir = read("FFTCONV_CACHE_DIR"),
          .nvrtc = read("FFTCONV_NVRTC"),
          .venv = read("FFTCONV_VENV"),
          .llvm_component = read("FFTCONV_LLVM"),
          .host_compiler = read("FFTCONV_HOST_COMPILER"),
          .mpi_component = read("FFTCONV_MPI"),
          .cuda_driver = read("FFTCONV_LIBCUDA"),
          .capture = read("FFTCONV_CAPTURE"),
          .device = read("FFTCONV_DEVICE"),
          .threads = read("FFTCONV_THREADS"),
          .worker = read("FFTCONV_WORKER"),
          .visible_gpus = read("CUDA_VISIBLE_DEVICES"),
          .launcher = read_launcher()};
}

Settings& stored() {
  static Settings settings = read_environment();
  return settings;
}

}  // namespace

const Settings& settings() { return stored(); }

void set_settings(const Settings& settings) { stored() = settings; }

std::vector<std::string> environment_for_children() {
  const Settings& here = settings();
  const std::pair<std::string_view, const std::string&> chosen[] = {{"FFTCONV_NVRTC=", here.nvrtc},
                                                                    {"FFTCONV_LLVM=", here.llvm_component},
                                                                    {"FFTCONV_HOST_COMPILER=", here.host_compiler},
                                                                    {"FFTCONV_LIBCUDA=", here.cuda_driver}};
  std::vector<std::string> variables;
  for (char** variable = environ; variable && *variable; ++variable) {
    bool replaced = false;
    for (const auto& [name, value] : chosen) replaced |= std::string_view(*variable).starts_with(name);
    if (!replaced) variables.emplace_back(*variable);
  }
  for (const auto& [name, value] : chosen) {
    if (!value.empty()) variables.push_back(std::string(name) + value);
  }
  return variables;
}

std::filesystem::path private_venv() {
  if (!settings().venv.empty()) return settings().venv;
  const std::string home = read("HOME");
  return std::filesystem::path(home.empty() ? "/root" : home) / ".local/share/fftconv/venv";
}

}  // namespace fftconv
