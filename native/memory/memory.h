// A memory that can be captured, as `Memory` in lib: memory of this process (LocalMemory), the memory of a
// process that is only observed (ProcessMemory), or that of a tracee (Tracee).
//
// It promises that a call is all or nothing for the store: one that fails gives back every reference that it
// took. It leaves to its caller: to make all calls from one thread, to release each snapshot, and to call
// `release` before the memory is deleted, while the store is still open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/tracker.h"
#include "snapshot/captured_memory.h"
#include "store/shared_store.h"
#include "system/region.h"

namespace pagestore {

class RestorableMemory;

class Memory {
 public:
  enum class Kind : uint8_t { local, process, tracee };

  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  virtual ~Memory() = default;

  Kind kind() const { return kind_; }
  // This memory if it can be restored, else null.
  virtual RestorableMemory* restorable() { return nullptr; }

  // Takes a snapshot. Costs what was written since the last capture or restore; the first one costs everything.
  virtual Status capture(Snapshot* snapshot) = 0;

  // The mappings as they are now. The list belongs to the memory and lives until its next call.
  virtual Status regions(const RegionList** regions) = 0;

  // The bytes at `address` as they are now: all of them, or an error.
  virtual Status read(uint64_t address, std::span<std::byte> bytes) const = 0;

  // What finds the dirty pages.
  virtual TrackerKind tracker() const = 0;

  // What the snapshots of this memory have in common: the last tree, ignored and tracked ranges, fingerprints.
  CapturedMemory& captured() { return captured_; }
  virtual void release(PageStores& stores) { captured_.release(stores); }
  // A snapshot of this memory was released: what was kept for it can be given up.
  virtual void on_release(PageStores&) {}

 protected:
  Memory(Kind kind, SharedStore* store) : store_(store), kind_(kind) {}

  SharedStore* const store_;
  CapturedMemory captured_;

 private:
  const Kind kind_;
};

// A memory that can be made equal to a snapshot.
class RestorableMemory : public Memory {
 public:
  RestorableMemory* restorable() final { return this; }

  // Writes what differs. Which snapshots it may be given, each class says.
  virtual Status restore(const Snapshot& snapshot) = 0;

 protected:
  using Memory::Memory;
};

}  // namespace pagestore
