// A memory at a moment: its pages as a tree, its regions, the states of its threads, and its key.
//
// What a snapshot *is* and what it is *recognised by* are two things. `memory` is the true bytes, for restoring,
// reading and comparing. The key answers "have I been here before?": it stands for the memory with ignored ranges read
// as zero, or for the bytes of tracked ranges alone, and for the stop point and the registers that count. It is a
// number, too. Everything is stored once: what is equal has equal numbers for as long as somebody has a reference on
// it.
//
// A snapshot is plain numbers: the roots of eleven trees, which it shares with all that have the same. Who builds one
// does it by an OwnedSnapshot. It leaves to its caller: to have the stores' lock, and to release it.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "snapshot/page_table.h"
#include "system/address_range.h"

namespace pagestore {

struct Snapshot {
  PageTree memory;
  PageTree ignored;  // the ranges that do not count, as bytes; empty if all does
  PageTree tracked;  // the tracked ranges' bytes, if there are any
  PageTree regions;
  PageTree counted;  // the regions as far as they count
  PageTree threads;
  PageTree waits;     // how much time is left of what threads wait for; of two equal snapshots it may differ
  PageTree files;     // which open files it takes to put back descriptors; empty if none
  PageTree contents;  // what is in its files, as far as that is kept
  PageTree live;      // what else distinguishes states: stop points, registers that count
  // Made when it is first asked for (captured_memory.h): `memory` with ignored ranges as zeroes, and the key.
  PageTree masked;
  bool is_masked = false;
  Child key = Child::absent;  // in the store of keys
  bool is_key_alone = false;  // everything else was released
  uint64_t file_event = 0;    // what happened to files before it; two equal snapshots may differ in it
  uint64_t pages = 0;         // virtual pages that are not zero
};

// Makes the key of a snapshot that is masked, or has tracked ranges. On failure it has none.
Status make_key(PageStores& stores, Snapshot* snapshot);

// Of a snapshot that has a key, releases all that the key is not made of.
Status keep_key_alone(PageStores& stores, Snapshot* snapshot);

// Where the store is damaged, releases what is there, and says so.
Status release(PageStores& stores, Snapshot* snapshot);

// A snapshot that is given back unless somebody takes it, under the lock under which it was made.
class OwnedSnapshot {
 public:
  OwnedSnapshot() = default;
  OwnedSnapshot(PageStores& stores, const Snapshot& snapshot) : stores_(&stores), snapshot_(snapshot) {}
  OwnedSnapshot(OwnedSnapshot&& other) noexcept : stores_(other.stores_), snapshot_(other.take()) {}
  OwnedSnapshot& operator=(OwnedSnapshot&& other) noexcept {
    std::swap(stores_, other.stores_);
    std::swap(snapshot_, other.snapshot_);
    return *this;
  }
  ~OwnedSnapshot() {
    if (stores_ != nullptr) static_cast<void>(release(*stores_, &snapshot_));
  }

  // Its references are the caller's from now on, to be released in the end.
  [[nodiscard]] Snapshot take() { return std::exchange(snapshot_, {}); }

 private:
  PageStores* stores_ = nullptr;
  Snapshot snapshot_;
};

// Memory, regions, threads (with them, open files), and what is in files.
inline bool equal(const Snapshot& a, const Snapshot& b) {
  return a.memory == b.memory && a.regions == b.regions && a.threads == b.threads && a.contents == b.contents;
}

// The bytes of a range, as many as it has. Refused unless regions cover all of it.
Status read_snapshot(PageStores& stores, const Snapshot& snapshot, const AddressRange& range,
                     std::span<std::byte> bytes);

// What differs between two memories, page-granular, sorted, neighbours merged.
Status difference(PageStores& stores, const Snapshot& a, const Snapshot& b, GrowingArray<AddressRange>* ranges);

}  // namespace pagestore
