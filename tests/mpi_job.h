// Starts programs under mpirun.
#pragma once

#include <string>
#include <vector>

#include "tool_process.h"

namespace mpi_test {

using tool_test::Output;
using tool_test::Workplace;

/// Whether there is an MPI to test with; says so where not.
inline bool has_mpi() {
#ifdef FFTCONV_MPIRUN
  return true;
#else
  MESSAGE("skipped: built without MPI, or without mpirun.openmpi (Debian: libopenmpi-dev, openmpi-bin)");
  return false;
#endif
}

/// `command` on `ranks` ranks. With `recovery` the launcher lets the others live where one dies.
inline Output run(const Workplace& place, int ranks, bool recovery, const std::vector<std::string>& command,
                  std::vector<std::string> environment = {}) {
#ifdef FFTCONV_MPIRUN
  // More ranks than cores, as root, in containers that forbid reading another process' memory.
  for (const char* variable : {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
                               "OMPI_MCA_btl_vader_single_copy_mechanism=none", "OMPI_MCA_rmaps_base_oversubscribe=1",
                               "OMPI_MCA_hwloc_base_binding_policy=none"}) {
    environment.emplace_back(variable);
  }
  // A job that hangs ends, and says what it said.
  std::vector<std::string> whole{FFTCONV_MPIRUN, "--timeout", "100", "-n", std::to_string(ranks)};
  if (recovery) whole.insert(whole.end(), {"--enable-recovery"});
  whole.insert(whole.end(), command.begin(), command.end());
  return place.run_command(whole, environment);
#else
  (void)place, (void)ranks, (void)recovery, (void)command, (void)environment;
  return {};
#endif
}

}  // namespace mpi_test
