#include "linux/remote_pages.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "linux/process_regions.h"
#include "system/mapping.h"

namespace pagestore {

template <typename Many, typename One>
Status RemotePages::transfer(std::span<const VirtualPage> places, std::byte* const* pages, bool* reached,
                             const char* what, Many many, One one) const {
  iovec local[kMost], remote[kMost];
  for (size_t i = 0; i < places.size(); ++i) {
    local[i] = {pages[i], page_size()};
    remote[i] = {reinterpret_cast<void*>(places[i] * page_size()), page_size()};
  }
  for (size_t i = 0; i < places.size();) {
    const ssize_t bytes = many(local + i, remote + i, places.size() - i);
    // Where a sandbox forbids the call, each page goes the other way.
    const bool is_forbidden = bytes < 0 && (errno == EPERM || errno == ENOSYS);
    if (bytes < 0 && errno != EFAULT && !is_forbidden) return process_refused(pid_, what, errno);
    for (size_t done = bytes < 0 ? 0 : static_cast<size_t>(bytes) / page_size(); done > 0; --done) reached[i++] = true;
    if (i == places.size()) break;
    const ssize_t by_force = one(pages[i], places[i] * page_size());
    // Of a process that has gone nothing is left.
    if (by_force == 0) return Status::process_gone(pid_, "has ended");
    if (by_force < 0 && errno != EIO && errno != EFAULT) return process_refused(pid_, what, errno);
    reached[i++] = by_force == static_cast<ssize_t>(page_size());
  }
  return Status::ok();
}

Status RemotePages::read(std::span<const VirtualPage> places, std::byte* const* pages, bool* reached) const {
  return transfer(
      places, pages, reached, "process_vm_readv",
      [&](const iovec* local, const iovec* remote, size_t count) {
        return process_vm_readv(pid_, local, count, remote, count, 0);
      },
      [&](std::byte* page, uint64_t at) { return pread(memory_, page, page_size(), static_cast<off_t>(at)); });
}

Status RemotePages::write(std::span<const VirtualPage> places, const std::byte* const* pages, bool* reached) const {
  return transfer(
      places, const_cast<std::byte* const*>(pages), reached, "process_vm_writev",
      [&](const iovec* local, const iovec* remote, size_t count) {
        return process_vm_writev(pid_, local, count, remote, count, 0);
      },
      [&](std::byte* page, uint64_t at) { return pwrite(memory_, page, page_size(), static_cast<off_t>(at)); });
}

}  // namespace pagestore
