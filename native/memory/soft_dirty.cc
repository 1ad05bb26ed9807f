#include "memory/soft_dirty.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>

#include "system/assert.h"
#include "system/growing_array.h"

namespace pagestore {

namespace {

struct Claims {
  std::mutex lock;
  GrowingArray<pid_t> processes;
};

// Never destroyed: a memory may be deleted after the end of `main`.
Claims& claims() {
  static Claims& all = *new Claims;
  return all;
}

}  // namespace

SoftDirtyClaim::~SoftDirtyClaim() {
  if (pid_ == 0) return;
  const std::lock_guard guard(claims().lock);
  GrowingArray<pid_t>& taken = claims().processes;
  for (size_t i = 0; i < taken.size(); ++i) {
    if (taken[i] != pid_) continue;
    taken.erase(i, 1);
    return;
  }
}

Status SoftDirtyClaim::take(pid_t pid) {
  PS_ASSERT(pid_ == 0);
  const std::lock_guard guard(claims().lock);
  GrowingArray<pid_t>& taken = claims().processes;
  for (const pid_t each : taken) {
    if (each == pid) return Status::system(Error::tracker, "soft-dirty for a second memory of one process", EBUSY);
  }
  if (!taken.append(pid)) return Status::no_memory(sizeof(pid));
  pid_ = pid;
  return Status::ok();
}

Status SoftDirty::make(std::unique_ptr<Tracker>* tracker) {
  std::unique_ptr<SoftDirty> made(new (std::nothrow) SoftDirty);
  if (!made) return Status::no_memory(sizeof(SoftDirty));
  if (Status status = Pagemap::open_own(&made->pagemap_); !status.is_ok()) return status;
  made->clear_refs_ = ScopedFd(open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  if (!made->clear_refs_.is_open()) return Status::system(Error::tracker, "/proc/self/clear_refs", errno);
  if (Status status = made->claim_.take(getpid()); !status.is_ok()) return status;
  *tracker = std::move(made);
  return Status::ok();
}

Status SoftDirty::register_range(const AddressRange& range) {
  const bool grows = range.start == range_.start && range.end >= range_.end;
  if (!grows) new_from_ = range.start;
  range_ = range;
  return Status::ok();
}

Status SoftDirty::scan(Protect /*protect*/, GrowingArray<AddressRange>* runs) {
  // What is new was not scanned yet: whoever cleared the bits of the process before cleared these, too.
  const AddressRange scanned{range_.start, std::min(new_from_, range_.end)}, added{scanned.end, range_.end};
  if (Status status = pagemap_.soft_dirty(scanned, runs); !status.is_ok()) return status;
  if (added.length() > 0 && !runs->append(added)) return Status::no_memory(sizeof(added));
  // A write between reading and clearing is lost: other threads must not write to memory with this tracker.
  if (pwrite(clear_refs_.get(), "4", 1, 0) != 1) return Status::system(Error::tracker, "/proc/self/clear_refs", errno);
  new_from_ = range_.end;
  return Status::ok();
}

}  // namespace pagestore
