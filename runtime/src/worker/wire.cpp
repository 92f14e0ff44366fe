#include "worker/wire.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <limits>

namespace fftconv::worker {
namespace {

constexpr std::uint64_t kMagic = 0x6674636f6e763031;          // "ftconv01"
constexpr std::uint64_t kLongest = std::uint64_t{256} << 20;  // bytes of a message
constexpr int kAskMilliseconds = 50;                          // between two looks at whether all is over

struct Header {
  std::uint64_t magic = kMagic;
  std::uint32_t kind = 0;
  std::uint32_t unused = 0;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};

// FNV-1a over words: a stray write is found, and a binary of a megabyte costs a tenth of a millisecond.
std::uint64_t checksum_of(const std::vector<std::byte>& bytes) {
  std::uint64_t sum = 0xcbf29ce484222325ull;
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
    sum = (sum ^ word) * 0x100000001b3ull;
    sum ^= sum >> 29;
  }
  return sum;
}

class Deadline {
 public:
  Deadline(double seconds, const std::function<bool()>& over) : endless_(seconds < 0), over_(over) {
    const std::chrono::duration<double> bounded(std::min(seconds, 1e9));  // thirty years fit into the clock
    if (!endless_) end_ += std::chrono::duration_cast<Clock::duration>(bounded);
  }
  /// How long to wait at once, in milliseconds; -1: for ever.
  int next_wait() const {
    const int most = over_ ? kAskMilliseconds : std::numeric_limits<int>::max();
    if (endless_) return over_ ? most : -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, most));
  }
  /// After a wait in which nothing came: why there is no other one.
  Result<void> check() const {
    if (!endless_ && Clock::now() >= end_) return Error{ErrorCode::timeout, "the other end did not answer in time"};
    if (over_ && over_()) return Error{ErrorCode::busy, "all was over before the other end answered"};
    return {};
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool endless_;
  const std::function<bool()>& over_;
  Clock::time_point end_ = Clock::now();
};

Result<void> wait_for(int channel, short event, const Deadline& deadline) {
  for (;;) {
    pollfd wait{.fd = channel, .events = event, .revents = 0};
    const int ready = poll(&wait, 1, deadline.next_wait());
    if (ready > 0) return {};
    if (ready == 0) {
      if (Result<void> goes_on = deadline.check(); !goes_on) return goes_on;
      continue;
    }
    if (errno != EINTR) return Error{ErrorCode::io, "the channel cannot be waited for"};
  }
}

Result<void> receive_all(int channel, std::byte* data, std::size_t size, const Deadline& deadline) {
  while (size > 0) {
    if (auto ready = wait_for(channel, POLLIN, deadline); !ready) return ready;
    const ssize_t got = recv(channel, data, size, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return Error{ErrorCode::not_found, "the other end of the channel was closed"};
    data += got;
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace

Result<void> send(int channel, const Message& message, double seconds, const std::function<bool()>& over) {
  const Deadline deadline(seconds, over);
  Header header{.kind = static_cast<std::uint32_t>(message.kind),
                .size = message.payload.size(),
                .checksum = checksum_of(message.payload)};
  const std::array<std::span<const std::byte>, 2> parts{std::as_bytes(std::span(&header, 1)),
                                                        std::span<const std::byte>(message.payload)};
  for (std::span<const std::byte> part : parts) {
    while (!part.empty()) {
      if (auto ready = wait_for(channel, POLLOUT, deadline); !ready) return ready;
      const ssize_t put = ::send(channel, part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (put <= 0) return Error{ErrorCode::io, "the channel does not take the message"};
      part = part.subspan(static_cast<std::size_t>(put));
    }
  }
  return {};
}

Result<Message> receive(int channel, double seconds, const std::function<bool()>& over) {
  const Deadline deadline(seconds, over);
  Header header;
  if (auto got = receive_all(channel, reinterpret_cast<std::byte*>(&header), sizeof header, deadline); !got) {
    return got.error();
  }
  const Error no_message{ErrorCode::damaged, "what came over the channel is no message"};
  if (header.magic != kMagic || header.size > kLongest) return no_message;
  if (header.kind > static_cast<std::uint32_t>(Kind::answer)) return no_message;
  Message message{.kind = static_cast<Kind>(header.kind),
                  .payload = std::vector<std::byte>(static_cast<std::size_t>(header.size))};
  if (auto got = receive_all(channel, message.payload.data(), message.payload.size(), deadline); !got) {
    return got.error();
  }
  if (checksum_of(message.payload) != header.checksum) return no_message;
  return message;
}

}  // namespace fftconv::worker
