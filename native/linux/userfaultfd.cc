#include "linux/userfaultfd.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "system/assert.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

bool is_whole_pages(const AddressRange& range) {
  return range.start < range.end && range.start % page_size() == 0 && range.end % page_size() == 0;
}

}  // namespace

Status Userfaultfd::open(Userfaultfd* userfaultfd) {
  ScopedFd descriptor(static_cast<int>(syscall(SYS_userfaultfd, kFlags)));
  if (!descriptor.is_open()) return Status::system(Error::tracker, "userfaultfd", errno);
  return from(std::move(descriptor), userfaultfd);
}

Status Userfaultfd::from(ScopedFd descriptor, Userfaultfd* userfaultfd) {
  PS_ASSERT(descriptor.is_open());
  kernel::UffdioApi api{kernel::kUffdApi, kernel::kUffdFeatureWpAsync | kernel::kUffdFeatureWpUnpopulated, 0};
  if (ioctl(descriptor.get(), kernel::kUffdioApi, &api) != 0) {
    return Status::system(Error::tracker, "userfaultfd with asynchronous write-protection", errno);
  }
  *userfaultfd = Userfaultfd(std::move(descriptor));
  return Status::ok();
}

Status Userfaultfd::register_range(const AddressRange& range) const {
  PS_ASSERT(is_open() && is_whole_pages(range));
  kernel::UffdioRegister wanted{{range.start, range.length()}, kernel::kUffdioRegisterModeWp, 0};
  if (ioctl(descriptor_.get(), kernel::kUffdioRegister, &wanted) == 0) return Status::ok();
  return Status::system(Error::tracker, "registering memory with a userfaultfd", errno);
}

void Userfaultfd::unregister_range(const AddressRange& range) const {
  PS_ASSERT(is_open());
  kernel::UffdioRange wanted{range.start, range.length()};
  ioctl(descriptor_.get(), kernel::kUffdioUnregister, &wanted);
}

// The kernel comes as far as the first page that is not registered.
void Userfaultfd::unprotect(const AddressRange& range) const {
  PS_ASSERT(is_open() && is_whole_pages(range));
  kernel::UffdioWriteProtect wanted{{range.start, range.length()}, 0};
  if (ioctl(descriptor_.get(), kernel::kUffdioWriteProtect, &wanted) == 0) return;
  for (uint64_t page = range.start; page < range.end; page += page_size()) {
    wanted.range = {page, page_size()};
    ioctl(descriptor_.get(), kernel::kUffdioWriteProtect, &wanted);
  }
}

Status Userfaultfd::write_protect(const AddressRange& range) const {
  PS_ASSERT(is_open() && is_whole_pages(range));
  kernel::UffdioWriteProtect wanted{{range.start, range.length()}, kernel::kUffdioWriteProtectModeWp};
  if (ioctl(descriptor_.get(), kernel::kUffdioWriteProtect, &wanted) == 0) return Status::ok();
  return Status::system(Error::tracker, "write-protecting memory with a userfaultfd", errno);
}

}  // namespace pagestore
