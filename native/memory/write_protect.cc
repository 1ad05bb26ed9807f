#include "memory/write_protect.h"

#include <new>

#include "system/assert.h"

namespace pagestore {

Status WriteProtect::make(std::unique_ptr<Tracker>* tracker) {
  Userfaultfd userfaultfd;
  if (Status status = Userfaultfd::open(&userfaultfd); !status.is_ok()) return status;
  Pagemap pagemap;
  if (Status status = Pagemap::open_own(&pagemap); !status.is_ok()) return status;
  tracker->reset(new (std::nothrow) WriteProtect(std::move(userfaultfd), std::move(pagemap)));
  if (*tracker) return Status::ok();
  return Status::no_memory(sizeof(WriteProtect));
}

Status WriteProtect::register_range(const AddressRange& range) {
  // Of a range that only grows, what is protected stays so.
  const bool grows = range.start == range_.start && range.end >= range_.end && range_.length() > 0;
  PS_ASSERT(grows || range_.length() == 0);
  const AddressRange added{grows ? range_.end : range.start, range.end};
  if (added.length() == 0) return Status::ok();
  if (Status status = userfaultfd_.register_range(added); !status.is_ok()) return status;
  range_ = range;
  return Status::ok();
}

}  // namespace pagestore
