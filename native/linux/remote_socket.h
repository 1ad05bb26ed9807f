// The time limits of a socket that another process has open, and whether it has something to read.
//
// Nothing is asked of that process: we get a copy of its descriptor (pidfd_getfd), ask the kernel, and close the copy.
// Where that is forbidden, or the descriptor is no socket, there is no answer.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace pagestore {

enum class SocketUse : uint8_t { receive, send };

struct SocketLimit {
  int64_t nanoseconds;
  bool is_internet;  // of AF_INET or AF_INET6
};
// None also where it waits for ever.
std::optional<SocketLimit> read_socket_limit(pid_t pid, int descriptor, SocketUse use);

// Whether it is a socket of streams, which has an end, and no empty messages.
bool is_stream_socket(pid_t pid, int descriptor);

// Whether a call on this descriptor would not wait now.
bool is_ready(pid_t pid, int descriptor, SocketUse use);

}  // namespace pagestore
