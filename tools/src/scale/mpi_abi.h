// The C interface between the tools and the MPI component, which is its own shared object: the tools start and work
// where there is no MPI.
#ifndef FFTCONV_MPI_ABI_H
#define FFTCONV_MPI_ABI_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Raised whenever anything below changes; a component of another number is refused.
#define FFTCONV_MPI_ABI 1
/// Name of the one exported function, of type fftconv_mpi_entry.
#define FFTCONV_MPI_ENTRY "fftconv_mpi_component_v1"

/// Receives bytes.
typedef void (*fftconv_mpi_sink)(void* user, const char* data, size_t size);

/// Functions return 0 for success, else `error` (or `user` of receive's) has received the reason. Not thread-safe:
/// one call at a time, from any thread. None waits for another process but `start` and `leave(together)`.
typedef struct {
  int abi;
  int (*start)(int* rank, int* size, fftconv_mpi_sink error, void* user);
  /// What MPI calls itself, one line.
  void (*version)(fftconv_mpi_sink text, void* user);
  /// Copies the bytes and begins to send them.
  int (*send)(int rank, const char* data, size_t size, fftconv_mpi_sink error, void* user);
  /// One message that has arrived: `from` is its rank, or -1 where there is none.
  int (*receive)(int* from, fftconv_mpi_sink bytes, void* bytes_user, fftconv_mpi_sink error, void* error_user);
  /// Messages that were begun and have not left yet.
  size_t (*pending)(void);
  /// MPI_Finalize where all ranks are there; else nothing: it would wait for the dead.
  void (*leave)(int together);
} fftconv_mpi_functions;

typedef const fftconv_mpi_functions* (*fftconv_mpi_entry)(void);

#ifdef __cplusplus
}
#endif
#endif
