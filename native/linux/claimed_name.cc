#include "linux/claimed_name.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace pagestore {

ScopedFd claim_name(const char* name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // It begins with a zero byte: a name without a file.
  const size_t length = strnlen(name, sizeof(address.sun_path) - 1);
  memcpy(address.sun_path + 1, name, length);
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  ScopedFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open() || bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), bytes) == 0) return socket;
  const int error_number = errno;
  socket = ScopedFd();
  errno = error_number;
  return socket;
}

}  // namespace pagestore
