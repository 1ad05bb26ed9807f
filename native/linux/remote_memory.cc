#include "linux/remote_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include "linux/proc_file.h"

namespace pagestore {

Status RemoteMemory::open(pid_t pid) {
  pid_ = pid;
  return open_proc_file(pid, "/proc/PID/mem", O_RDWR, &file_);
}

Status RemoteMemory::read(RemoteAddress address, void* bytes, size_t count) const {
  return check(address, pread(file_.get(), bytes, count, static_cast<off_t>(address.value())), count);
}

Status RemoteMemory::write(RemoteAddress address, const void* bytes, size_t count) const {
  return check(address, pwrite(file_.get(), bytes, count, static_cast<off_t>(address.value())), count);
}

Status RemoteMemory::check(RemoteAddress address, ssize_t done, size_t count) const {
  if (done == static_cast<ssize_t>(count)) return Status::ok();
  // The memory of a process that has ended is empty.
  if (done == 0) return Status::process_gone(pid_, "has ended");
  return Status::refused(Error::address, address.value() + static_cast<uint64_t>(done < 0 ? 0 : done), 0);
}

}  // namespace pagestore
