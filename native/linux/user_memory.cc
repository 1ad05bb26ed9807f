#include "linux/user_memory.h"

#include <sys/uio.h>

namespace pagestore {

namespace {

iovec remote(RemoteAddress address, size_t count) {
  return {reinterpret_cast<void*>(address.value()), count};
}

}  // namespace

bool read_as_user(pid_t thread, RemoteAddress from, void* bytes, size_t count) {
  const iovec here{bytes, count}, there = remote(from, count);
  return process_vm_readv(thread, &here, 1, &there, 1, 0) == static_cast<ssize_t>(count);
}

bool write_as_user(pid_t thread, RemoteAddress to, const void* bytes, size_t count) {
  const iovec here{const_cast<void*>(bytes), count}, there = remote(to, count);
  return process_vm_writev(thread, &here, 1, &there, 1, 0) == static_cast<ssize_t>(count);
}

}  // namespace pagestore
