#include "ptrace/breakpoints/breakpoint.h"

#include "system/assert.h"

namespace pagestore {

Status Breakpoint::insert(RemoteAddress address) {
  PS_ASSERT(!address_);
  if (Status status = memory_.read(address, replaced_, sizeof(replaced_)); !status.is_ok()) return status;
  const Status status = memory_.write(address, Registers::kBreakpoint.data(), sizeof(replaced_));
  if (status.is_ok()) address_ = address;
  return status;
}

void Breakpoint::remove() {
  if (address_) static_cast<void>(memory_.write(*address_, replaced_, sizeof(replaced_)));
  address_.reset();
}

void Breakpoint::remove_from(pid_t child) const {
  if (!address_) return;
  RemoteMemory memory;
  if (memory.open(child).is_ok()) static_cast<void>(memory.write(*address_, replaced_, sizeof(replaced_)));
}

}  // namespace pagestore
