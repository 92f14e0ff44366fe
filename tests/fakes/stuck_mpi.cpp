// An MPI component of rank 0 of two that does not return from its second look for letters: what a library may do
// where a rank died in the middle of one.
#include <unistd.h>

#include <cstring>

#include "scale/mpi_abi.h"

namespace {

int start(int* rank, int* size, fftconv_mpi_sink, void*) {
  *rank = 0;
  *size = 2;
  return 0;
}

void version(fftconv_mpi_sink text, void* user) { text(user, "stuck", std::strlen("stuck")); }

int send(int, const char*, size_t, fftconv_mpi_sink, void*) { return 0; }

int receive(int* from, fftconv_mpi_sink, void*, fftconv_mpi_sink, void*) {
  static int looks = 0;
  *from = -1;
  while (++looks >= 2) ::pause();
  return 0;
}

size_t pending() { return 0; }

void leave(int) {}

constexpr fftconv_mpi_functions functions{FFTCONV_MPI_ABI, start, version, send, receive, pending, leave};

}  // namespace

extern "C" __attribute__((visibility("default"))) const fftconv_mpi_functions* fftconv_mpi_component_v1() {
  return &functions;
}
