#include "linux/remote_pages.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "linux/proc_file.h"
#include "system/assert.h"
#include "system/page_size.h"

namespace pagestore {

template <typename Many, typename One>
Status RemotePages::transfer(const Batch& batch, Many many, One one) const {
  const auto& [call, numbers, pages, reached] = batch;
  PS_ASSERT(numbers.size() <= kMost);
  iovec local[kMost], remote[kMost];
  for (size_t i = 0; i < numbers.size(); ++i) {
    local[i] = {pages[i], page_size()};
    remote[i] = {reinterpret_cast<void*>(numbers[i] * page_size()), page_size()};
  }
  for (size_t i = 0; i < numbers.size();) {
    const ssize_t bytes = many(local + i, remote + i, numbers.size() - i);
    // Where a sandbox forbids the call, /proc/PID/mem takes each page.
    const bool is_forbidden = bytes < 0 && (errno == EPERM || errno == ENOSYS);
    if (bytes < 0 && errno != EFAULT && !is_forbidden) return process_refused(pid_, call, errno);
    for (size_t done = bytes < 0 ? 0 : static_cast<size_t>(bytes) / page_size(); done > 0; --done) reached[i++] = true;
    if (i == numbers.size()) break;
    const ssize_t by_file = one(pages[i], numbers[i] * page_size());
    // The memory of a process that has ended is empty.
    if (by_file == 0) return Status::process_gone(pid_, "has ended");
    if (by_file < 0 && errno != EIO && errno != EFAULT) return process_refused(pid_, "/proc/PID/mem", errno);
    reached[i++] = by_file == static_cast<ssize_t>(page_size());
  }
  return Status::ok();
}

Status RemotePages::read(std::span<const VirtualPage> numbers, std::byte* const* pages, bool* reached) const {
  return transfer(
      {"process_vm_readv", numbers, pages, reached},
      [&](const iovec* local, const iovec* remote, size_t count) {
        return process_vm_readv(pid_, local, count, remote, count, 0);
      },
      [&](std::byte* page, uint64_t address) {
        return pread(memory_, page, page_size(), static_cast<off_t>(address));
      });
}

Status RemotePages::write(std::span<const VirtualPage> numbers, const std::byte* const* pages, bool* reached) const {
  return transfer(
      {"process_vm_writev", numbers, const_cast<std::byte* const*>(pages), reached},
      [&](const iovec* local, const iovec* remote, size_t count) {
        return process_vm_writev(pid_, local, count, remote, count, 0);
      },
      [&](std::byte* page, uint64_t address) {
        return pwrite(memory_, page, page_size(), static_cast<off_t>(address));
      });
}

}  // namespace pagestore
