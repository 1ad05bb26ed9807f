#include "process/soft_dirty.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>

namespace pagestore {

namespace {

std::atomic<bool> is_taken = false;

}  // namespace

Status SoftDirty::make(std::unique_ptr<Tracker>* tracker) {
  Pagemap pagemap;
  if (Status status = Pagemap::open(0, &pagemap); !status.is_ok()) return status;
  ScopedFd clear_refs(open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  if (!clear_refs.is_open()) return Status::system(Error::tracker, "/proc/self/clear_refs", errno);
  if (is_taken.exchange(true)) return Status::system(Error::tracker, "soft-dirty for a second memory", EBUSY);
  tracker->reset(new (std::nothrow) SoftDirty(std::move(pagemap), std::move(clear_refs)));
  if (*tracker) return Status::ok();
  is_taken = false;
  return Status::out_of_memory("new", sizeof(SoftDirty), ENOMEM);
}

SoftDirty::~SoftDirty() {
  is_taken = false;
}

Status SoftDirty::watch(const AddressRange& range) {
  range_ = range;
  return Status::ok();
}

Status SoftDirty::dirty(Arm, GrowingArray<AddressRange>* runs) {
  if (Status status = pagemap_.soft_dirty(range_, runs); !status.is_ok()) return status;
  // A write between the two would be lost: this is not for memory that other threads write to.
  if (pwrite(clear_refs_.get(), "4", 1, 0) == 1) return Status::ok();
  return Status::system(Error::tracker, "/proc/self/clear_refs", errno);
}

Status SoftDirty::present(GrowingArray<AddressRange>* runs) {
  return pagemap_.present(range_, runs);
}

}  // namespace pagestore
