// Messages between the ranks of an MPI job, without a collective call: one that dies must not stop the others.
#include <ifaddrs.h>
#include <mpi.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <list>
#include <set>
#include <utility>
#include <vector>

#include "scale/mpi_abi.h"

namespace {

constexpr int kTag = 7281;

struct Transfer {
  int rank = -1;
  std::vector<char> bytes;
  MPI_Request request = MPI_REQUEST_NULL;
};

std::list<Transfer>& outgoing() {
  static std::list<Transfer> list;
  return list;
}

// Begun and not complete. The sender of a long message may die between its header and its bytes: waiting for them
// would stop this process, too.
std::list<Transfer>& incoming() {
  static std::list<Transfer> list;
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
  outgoing().remove_if([](Transfer& message) {
    int done = 0;
    return MPI_Test(&message.request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done != 0;
  });
}

/// Whether an address reaches other machines, or could.
bool is_of_network(const sockaddr& address) {
  if (address.sa_family == AF_INET) return true;
  if (address.sa_family != AF_INET6) return false;
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
  return !IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr);
}

bool has_network() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return true;
  bool found = false;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    const bool up = (each->ifa_flags & IFF_UP) != 0 && (each->ifa_flags & IFF_LOOPBACK) == 0;
    found = found || (up && each->ifa_addr != nullptr && is_of_network(*each->ifa_addr));
  }
  ::freeifaddrs(list);
  return found;
}

// Open MPI's queues in shared memory have no locks: where a rank dies between taking a place in one and filling it,
// the reader waits inside MPI for ever. A socket ends with its process. What the user chose (`--mca btl`) stays.
void avoid_shared_memory() {
  ::setenv("OMPI_MCA_btl", "^vader,sm", 0);
  if (!has_network()) ::setenv("OMPI_MCA_btl_tcp_if_include", "lo", 0);
}

int start(int* rank, int* size, fftconv_mpi_sink error, void* user) {
  avoid_shared_memory();
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
  Transfer& message = outgoing().emplace_back();
  message.rank = rank;
  message.bytes.assign(data, data + size);
  const int code =
      MPI_Isend(message.bytes.data(), static_cast<int>(size), MPI_CHAR, rank, kTag, MPI_COMM_WORLD, &message.request);
  if (code != MPI_SUCCESS) outgoing().pop_back();
  return say(code, error, user);
}

// Begins to receive what has been announced.
int begin_to_receive() {
  for (;;) {
    int there = 0, size = 0;
    MPI_Status status;
    if (const int code = MPI_Iprobe(MPI_ANY_SOURCE, kTag, MPI_COMM_WORLD, &there, &status); code != MPI_SUCCESS) {
      return code;
    }
    if (there == 0) return MPI_SUCCESS;
    MPI_Get_count(&status, MPI_CHAR, &size);
    Transfer& message = incoming().emplace_back();
    message.rank = status.MPI_SOURCE;
    message.bytes.resize(static_cast<size_t>(std::max(size, 0)));
    const int code =
        MPI_Irecv(message.bytes.data(), size, MPI_CHAR, message.rank, kTag, MPI_COMM_WORLD, &message.request);
    if (code == MPI_SUCCESS) continue;
    incoming().pop_back();
    return code;
  }
}

int receive(int* from, fftconv_mpi_sink bytes, void* bytes_user, fftconv_mpi_sink error, void* error_user) {
  *from = -1;
  forget_sent();
  if (const int code = begin_to_receive(); code != MPI_SUCCESS) return say(code, error, error_user);
  std::set<int> behind;  // ranks that have an earlier message on its way: theirs stay in order
  for (auto message = incoming().begin(); message != incoming().end(); ++message) {
    if (behind.contains(message->rank)) continue;
    int done = 0;
    const int code = MPI_Test(&message->request, &done, MPI_STATUS_IGNORE);
    if (code == MPI_SUCCESS && done == 0) {
      behind.insert(message->rank);
      continue;
    }
    const Transfer complete = std::move(*message);
    incoming().erase(message);
    if (code != MPI_SUCCESS) return say(code, error, error_user);
    *from = complete.rank;
    bytes(bytes_user, complete.bytes.data(), complete.bytes.size());
    return 0;
  }
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
