#include "linux/remote_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "linux/remote_descriptor.h"

namespace pagestore {

std::optional<SocketLimit> read_socket_limit(pid_t pid, int descriptor, SocketUse use) {
  const ScopedFd socket = copy_descriptor(pid, descriptor);
  timeval limit{};
  int family = 0;
  socklen_t limit_bytes = sizeof(limit), family_bytes = sizeof(family);
  const int option = use == SocketUse::receive ? SO_RCVTIMEO : SO_SNDTIMEO;
  if (!socket.is_open() || getsockopt(socket.get(), SOL_SOCKET, option, &limit, &limit_bytes) != 0 ||
      getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &family_bytes) != 0) {
    return {};
  }
  constexpr int64_t kMostSeconds = 1'000'000'000;
  if ((limit.tv_sec == 0 && limit.tv_usec == 0) || limit.tv_sec < 0 || limit.tv_sec > kMostSeconds) return {};
  return SocketLimit{limit.tv_sec * 1'000'000'000 + limit.tv_usec * 1'000, family == AF_INET || family == AF_INET6};
}

bool is_stream_socket(pid_t pid, int descriptor) {
  const ScopedFd socket = copy_descriptor(pid, descriptor);
  int type = 0;
  socklen_t bytes = sizeof(type);
  return socket.is_open() && getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 && type == SOCK_STREAM;
}

bool is_ready(pid_t pid, int descriptor, SocketUse use) {
  const ScopedFd copy = copy_descriptor(pid, descriptor);
  pollfd asked{copy.get(), static_cast<short>(use == SocketUse::receive ? POLLIN : POLLOUT), 0};
  return copy.is_open() && poll(&asked, 1, 0) > 0;
}

}  // namespace pagestore
