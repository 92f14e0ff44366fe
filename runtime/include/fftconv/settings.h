// Every environment variable that fftconv reads, in one place.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "fftconv/launcher.h"

namespace fftconv {

struct Settings {
  std::string cache_dir;       ///< FFTCONV_CACHE_DIR
  std::string nvrtc;           ///< FFTCONV_NVRTC: path of libnvrtc, or "off"
  std::string venv;            ///< FFTCONV_VENV: private virtual environment with NVIDIA's wheels
  std::string llvm_component;  ///< FFTCONV_LLVM: path of the LLVM component, or "off"
  std::string host_compiler;   ///< FFTCONV_HOST_COMPILER: path of an installed clang++ for the CPU device
  std::string mpi_component;   ///< FFTCONV_MPI: path of the MPI component, or "off"
  std::string cuda_driver;     ///< FFTCONV_LIBCUDA: path of libcuda, or "off"
  std::string capture;         ///< FFTCONV_CAPTURE: file that problems are captured in
  std::string device;          ///< FFTCONV_DEVICE: "cuda", "cpu", "sim"
  std::string threads;         ///< FFTCONV_THREADS: threads of the CPU device, a number; empty: all processors
  std::string worker;          ///< FFTCONV_WORKER: path of fftconv-worker, or "off"
  std::string visible_gpus;    ///< CUDA_VISIBLE_DEVICES
  Launcher launcher;           ///< from the launcher's own variables
};

/// Read once, at the first call.
const Settings& settings();
/// Replaces what was read (options of the tools, tests). Call before the first device is opened.
void set_settings(const Settings& settings);

/// The environment for a process that is to open the same libraries: this one's, with what settings() says of them.
/// "NAME=value" each.
std::vector<std::string> environment_for_children();

/// Where tools/setup puts NVIDIA's Python wheels: settings().venv, else ~/.local/share/fftconv/venv.
std::filesystem::path private_venv();

}  // namespace fftconv
