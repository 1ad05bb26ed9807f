#include "memory/soft_dirty.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>

namespace pagestore {

namespace {

std::atomic<bool> is_taken = false;

}  // namespace

SoftDirtyClaim::~SoftDirtyClaim() {
  if (is_ours_) is_taken = false;
}

bool SoftDirtyClaim::take() {
  is_ours_ = !is_taken.exchange(true);
  return is_ours_;
}

Status SoftDirty::make(std::unique_ptr<Tracker>* tracker) {
  std::unique_ptr<SoftDirty> made(new (std::nothrow) SoftDirty);
  if (!made) return Status::no_memory(sizeof(SoftDirty));
  if (Status status = Pagemap::open_own(&made->pagemap_); !status.is_ok()) return status;
  made->clear_refs_ = ScopedFd(open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  if (!made->clear_refs_.is_open()) return Status::system(Error::tracker, "/proc/self/clear_refs", errno);
  if (!made->claim_.take()) return Status::system(Error::tracker, "soft-dirty for a second memory", EBUSY);
  *tracker = std::move(made);
  return Status::ok();
}

Status SoftDirty::register_range(const AddressRange& range) {
  range_ = range;
  return Status::ok();
}

Status SoftDirty::scan(Protect /*protect*/, GrowingArray<AddressRange>* runs) {
  if (Status status = pagemap_.soft_dirty(range_, runs); !status.is_ok()) return status;
  // A write between reading and clearing is lost: other threads must not write to memory with this tracker.
  if (pwrite(clear_refs_.get(), "4", 1, 0) == 1) return Status::ok();
  return Status::system(Error::tracker, "/proc/self/clear_refs", errno);
}

}  // namespace pagestore
