// Messages between the ranks of an MPI job, without a collective call: one that dies must not stop the others.
#include <mpi.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <vector>

#include "scale/mpi_abi.h"

namespace {

constexpr int kTag = 7281;

struct Outgoing {
  std::vector<char> bytes;
  MPI_Request request = MPI_REQUEST_NULL;
};

std::list<Outgoing>& outgoing() {
  static std::list<Outgoing> list;
  return list;
}

int say(int code, fftconv_mpi_sink error, void* user) {
  if (code == MPI_SUCCESS) return 0;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  error(user, text, static_cast<size_t>(std::max(length, 0)));
  return 1;
}

// A send that failed is forgotten like one that succeeded: that its rank is gone is noticed by its silence.
void forget_sent() {
  outgoing().remove_if([](Outgoing& message) {
    int done = 0;
    return MPI_Test(&message.request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done != 0;
  });
}

int start(int* rank, int* size, fftconv_mpi_sink error, void* user) {
  int provided = 0;
  if (const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided); code != MPI_SUCCESS) {
    return say(code, error, user);
  }
  if (provided < MPI_THREAD_SERIALIZED) {
    constexpr char text[] = "this MPI allows no threads (MPI_THREAD_SERIALIZED)";
    error(user, text, sizeof text - 1);
    return 1;
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (const int code = MPI_Comm_rank(MPI_COMM_WORLD, rank); code != MPI_SUCCESS) return say(code, error, user);
  return say(MPI_Comm_size(MPI_COMM_WORLD, size), error, user);
}

void version(fftconv_mpi_sink text, void* user) {
  char name[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(name, &length);
  text(user, name, std::strcspn(name, ",\n"));
}

int send(int rank, const char* data, size_t size, fftconv_mpi_sink error, void* user) {
  forget_sent();
  Outgoing& message = outgoing().emplace_back();
  message.bytes.assign(data, data + size);
  const int code =
      MPI_Isend(message.bytes.data(), static_cast<int>(size), MPI_CHAR, rank, kTag, MPI_COMM_WORLD, &message.request);
  if (code != MPI_SUCCESS) outgoing().pop_back();
  return say(code, error, user);
}

int receive(int* from, fftconv_mpi_sink bytes, void* bytes_user, fftconv_mpi_sink error, void* error_user) {
  *from = -1;
  forget_sent();
  int there = 0;
  MPI_Status status;
  if (const int code = MPI_Iprobe(MPI_ANY_SOURCE, kTag, MPI_COMM_WORLD, &there, &status); code != MPI_SUCCESS) {
    return say(code, error, error_user);
  }
  if (there == 0) return 0;
  int size = 0;
  MPI_Get_count(&status, MPI_CHAR, &size);
  std::vector<char> buffer(static_cast<size_t>(std::max(size, 0)));
  const int code =
      MPI_Recv(buffer.data(), size, MPI_CHAR, status.MPI_SOURCE, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  if (code != MPI_SUCCESS) return say(code, error, error_user);
  *from = status.MPI_SOURCE;
  bytes(bytes_user, buffer.data(), buffer.size());
  return 0;
}

size_t pending() {
  forget_sent();
  return outgoing().size();
}

void leave(int together) {
  if (together != 0) MPI_Finalize();
}

constexpr fftconv_mpi_functions functions{FFTCONV_MPI_ABI, start, version, send, receive, pending, leave};

}  // namespace

extern "C" __attribute__((visibility("default"))) const fftconv_mpi_functions* fftconv_mpi_component_v1() {
  return &functions;
}
