// What the facade's Snapshot calls.
#include "snapshot/snapshot.h"

#include "binding/external_buffer.h"
#include "binding/function.h"
#include "snapshot/snapshot_map.h"
#include "snapshot/stored_bytes.h"
#include "snapshot/stored_regions.h"

namespace pagestore::binding {

namespace {

void check_is_of(const Arguments& arguments, const SharedStore& store, const SnapshotEntry& entry) {
  if (arguments.addon().store(entry.store) == &store) return;
  fail(code::other_store, "the snapshot is of another store: its numbers mean nothing to this one");
}

// An open store, and a snapshot in it.
struct Subject {
  explicit Subject(const Arguments& arguments) : store(arguments.store(0)), entry(arguments.snapshot(1)) {
    check_is_of(arguments, store, entry);
  }
  Subject(const Arguments& arguments, SharedStore& store, SnapshotEntry& entry) : store(store), entry(entry) {
    check_is_of(arguments, store, entry);
  }

  SharedStore& store;
  SnapshotEntry& entry;
  Snapshot& snapshot = entry.snapshot;
};

// The same where the key alone may have been kept.
Subject key_subject(const Arguments& arguments) {
  SharedStore& store = arguments.store(0);
  return {arguments, store, arguments.key_holder(1)};
}

// Two snapshots of the same store.
struct Pair : Subject {
  explicit Pair(const Arguments& arguments) : Subject(arguments), other(arguments.snapshot(2).snapshot) {
    check_is_of(arguments, store, arguments.snapshot(2));
  }

  const Snapshot& other;
};

// Calls `use(stores, memory)` with the memory that the snapshot is of, which remembers the last one that it was asked
// about; of one that is closed, with nothing to remember.
template <typename Use>
void with_memory(const Arguments& arguments, const Subject& subject, Use use) {
  const LockedStores stores(subject.store);
  Status status = Status::ok();
  if (const MemoryEntry* entry = arguments.addon().memory(subject.entry.memory)) {
    status = use(*stores, entry->memory->captured());
  } else {
    CapturedMemory nothing;
    status = use(*stores, nothing);
    nothing.release(*stores);
  }
  check(status);
}

void make_key(const Arguments& arguments, const Subject& subject) {
  if (subject.snapshot.is_key_alone) return;
  with_memory(arguments, subject,
              [&](PageStores& stores, CapturedMemory& memory) { return memory.make_key(stores, &subject.snapshot); });
}

// (store, snapshot): from now on only its key is kept
void keep_key(const Arguments& arguments) {
  const Subject subject = key_subject(arguments);
  make_key(arguments, subject);
  check(keep_key_alone(*LockedStores(subject.store), &subject.snapshot));
}

// (store, snapshot) -> number
uint32_t key(const Arguments& arguments) {
  const Subject subject = key_subject(arguments);
  make_key(arguments, subject);
  return static_cast<uint32_t>(subject.snapshot.key);
}

// (store, snapshot) -> number
uint32_t root(const Arguments& arguments) {
  return static_cast<uint32_t>(Subject(arguments).snapshot.memory.root) & ~kIsTable;
}

// (store, snapshot) -> number
double page_count(const Arguments& arguments) {
  return static_cast<double>(Subject(arguments).snapshot.pages);
}

// (store, snapshot, snapshot) -> boolean
bool equals(const Arguments& arguments) {
  const Pair pair(arguments);
  return equal(pair.snapshot, pair.other);
}

// (store, snapshot, snapshot) -> ranges
napi_value diff(const Arguments& arguments) {
  const Pair pair(arguments);
  GrowingArray<AddressRange> ranges;
  check(difference(*LockedStores(pair.store), pair.snapshot, pair.other, &ranges));
  const napi_env env = arguments.env();
  List list(env);
  for (const auto& [start, end] : ranges) {
    list.add({property("start", bigint_of(env, start)), property("end", bigint_of(env, end))});
  }
  return list.to_array();
}

void check_covers(const Subject& subject, const AddressRange& range) {
  check(check_covered(*LockedStores(subject.store), subject.snapshot.regions, range));
}

// (store, snapshot, address, length): refuses what lies outside of all regions
void check_range(const Arguments& arguments) {
  const AddressRange range = arguments.range(2);
  check_covers(Subject(arguments), range);
}

// (store, snapshot, address, bytes): fills the Uint8Array
void read(const Arguments& arguments) {
  const auto bytes = arguments.bytes(3);
  const AddressRange range = arguments.range(2, bytes);
  const Subject subject(arguments);
  check(read_snapshot(*LockedStores(subject.store), subject.snapshot, range, bytes));
}

// (store, snapshot, address, length) -> ArrayBuffer of the whole pages around, or null where the runtime forbids it
napi_value map(const Arguments& arguments) {
  const AddressRange range = arguments.range(2);
  const Subject subject(arguments);
  check_covers(subject, range);
  SnapshotMap* map;
  check(SnapshotMap::make(&subject.store, subject.snapshot.memory, range, &map));
  return wrap(arguments.env(), map);
}

// (store, snapshot) -> regions
napi_value regions(const Arguments& arguments) {
  const Subject subject(arguments);
  GrowingArray<std::byte> bytes;
  check(read_regions(*LockedStores(subject.store), subject.snapshot.regions, &bytes));
  return regions_of(arguments.env(), {bytes.data(), bytes.size()});
}

// (store, snapshot) -> 32 hexadecimal digits
napi_value fingerprint(const Arguments& arguments) {
  const Subject subject(arguments);
  Fingerprint fingerprint;
  with_memory(arguments, subject, [&](PageStores& stores, CapturedMemory& memory) {
    const Status status = memory.mask(stores, &subject.snapshot);
    return status.is_ok() ? memory.fingerprints().of(stores, subject.snapshot.masked, &fingerprint) : status;
  });
  return hexadecimal(arguments.env(), fingerprint.high, fingerprint.low);
}

// (snapshot): releasing twice is no error
void release(const Arguments& arguments) {
  check(arguments.addon().release_snapshot(arguments.handle(0)));
}

}  // namespace

void add_snapshot(Exports& exports) {
  const Function functions[] = {
      {"snapshotRoot", guarded<root>},
      {"snapshotKey", guarded<key>},
      {"keepSnapshotKey", guarded<keep_key>},
      {"snapshotPageCount", guarded<page_count>},
      {"snapshotEquals", guarded<equals>},
      {"snapshotDiff", guarded<diff>},
      {"snapshotCheck", guarded<check_range>},
      {"snapshotRead", guarded<read>},
      {"snapshotMap", guarded<map>},
      {"snapshotRegions", guarded<regions>},
      {"snapshotFingerprint", guarded<fingerprint>},
      {"releaseSnapshot", guarded<release>},
  };
  exports.add(functions);
}

}  // namespace pagestore::binding
