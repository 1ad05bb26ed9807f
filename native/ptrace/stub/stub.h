// A self-restoring stub: what a thread stands in while it makes a call for us, so that it puts itself back should we
// end before we have done it.
//
// Each processor has one of its own, or none: then `kIsThere` is false, nothing is planted, and a process that we
// attached to may end with us. On arm64 no instruction jumps without a register, so that no stub can put back all.
#pragma once

#include "ptrace/registers.h"
#include "ptrace/stub/stub_x86_64.h"

namespace pagestore {

struct NoStub {
  static constexpr bool kIsThere = false;
  static constexpr size_t kBytes = 288, kBehindCall = 0, kReturn = 0, kArgument = 0;

  template <typename AnyRegisters>
  static NoStub make(const AnyRegisters&, uint64_t, const StubUndo&) {
    return {};
  }
  bool is_stub() const { return false; }
  template <typename AnyRegisters>
  void put_back(AnyRegisters*) const {}

  struct {
    uint64_t blocked = 0;
    std::array<std::byte, kMostArgumentBytes> argument{};
  } data;
  std::array<std::byte, kBytes - sizeof(data)> unused{};
};
static_assert(sizeof(NoStub) == NoStub::kBytes);

#if defined(__x86_64__)
using Stub = X86Stub;
#else
using Stub = NoStub;
#endif

}  // namespace pagestore
