// Launcher: who started this process, as one of how many.
#pragma once

#include <string>

namespace fftconv {

/// What a parallel launcher or batch system says of this process.
struct Launcher {
  std::string name;      ///< "Open MPI", "PMI (MPICH, Intel MPI)", "Slurm"; empty: none
  int rank = -1;         ///< of this process in its job
  int size = 0;          ///< processes of the job
  int local_rank = 0;    ///< of this process on its machine
  int array_index = -1;  ///< of the Slurm array task, from 0
  int array_count = 0;   ///< tasks of the array; 0: none
  bool operator==(const Launcher&) const = default;
};

}  // namespace fftconv
