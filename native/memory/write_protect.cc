#include "memory/write_protect.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "linux/kernel_pages.h"

namespace pagestore {

Status WriteProtect::make(std::unique_ptr<Tracker>* tracker) {
  ScopedFd userfaultfd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | kernel::kUserModeOnly)));
  if (!userfaultfd.is_open()) return Status::system(Error::tracker, "userfaultfd", errno);
  kernel::UffdApi api{kernel::kUffdApi, kernel::kFeatureAsync | kernel::kFeatureUnpopulated, 0};
  if (ioctl(userfaultfd.get(), kernel::kUffdioApi, &api) != 0) {
    return Status::system(Error::tracker, "userfaultfd with asynchronous write-protection", errno);
  }
  Pagemap pagemap;
  if (Status status = Pagemap::open(0, &pagemap); !status.is_ok()) return status;
  tracker->reset(new (std::nothrow) WriteProtect(std::move(userfaultfd), std::move(pagemap)));
  if (*tracker) return Status::ok();
  return Status::out_of_memory("new", sizeof(WriteProtect), ENOMEM);
}

Status WriteProtect::register_range(const AddressRange& range) {
  // What only grows stays armed.
  const bool grows = range.start == range_.start && range.end >= range_.end && range_.length() > 0;
  const AddressRange fresh{grows ? range_.end : range.start, range.end};
  if (fresh.length() == 0) return Status::ok();
  kernel::UffdRegister wanted{{fresh.start, fresh.length()}, kernel::kRegisterProtect, 0};
  if (ioctl(userfaultfd_.get(), kernel::kUffdioRegister, &wanted) != 0) {
    return Status::system(Error::tracker, "watching the memory", errno);
  }
  range_ = range;
  return Status::ok();
}

Status WriteProtect::scan(Protect protect, GrowingArray<AddressRange>* runs) {
  return pagemap_.written(range_, protect == Protect::dirty, runs);
}

Status WriteProtect::write_protect(const AddressRange& range) {
  kernel::UffdProtect protect{{range.start, range.length()}, kernel::kProtect};
  if (ioctl(userfaultfd_.get(), kernel::kUffdioProtect, &protect) == 0) return Status::ok();
  return Status::system(Error::tracker, "arming", errno);
}

}  // namespace pagestore
