#include "binding/snapshot.h"

#include <cinttypes>
#include <cstdio>

#include "binding/addon.h"
#include "binding/arguments.h"
#include "binding/errors.h"
#include "binding/external_buffer.h"
#include "binding/results.h"
#include "snapshot/snapshot_map.h"
#include "snapshot/stored_bytes.h"
#include "snapshot/stored_regions.h"

namespace pagestore::binding {

namespace {

// A snapshot of an open store, both named by handles; else not there, with an exception pending.
struct Subject {
  Subject(napi_env env, Addon* addon, napi_value store_handle, napi_value snapshot_handle)
      : store(get_store(env, addon, store_handle)),
        held(store == nullptr ? nullptr : get_snapshot(env, addon, snapshot_handle)) {}
  Subject(SharedStore* store, HeldSnapshot* held) : store(store), held(held) {}
  explicit operator bool() const { return held != nullptr; }
  const Snapshot& snapshot() const { return held->snapshot; }

  SharedStore* store;
  HeldSnapshot* held;
};

// The same of one whose key alone may have been kept.
struct KeySubject : Subject {
  KeySubject(napi_env env, Addon* addon, napi_value store_handle, napi_value snapshot_handle)
      : Subject{get_store(env, addon, store_handle), nullptr} {
    if (store != nullptr) held = get_key_holder(env, addon, snapshot_handle);
  }
};

// Two snapshots of the same store.
struct Pair {
  template <size_t N>
  Pair(napi_env env, const Arguments<N>& arguments)
      : one(env, arguments.addon, arguments[0], arguments[1]),
        other(one ? get_snapshot(env, arguments.addon, arguments[2]) : nullptr) {
    if (other != nullptr && arguments.addon->store(other->store) != one.store) {
      throw_error(env, code::other_store, "the snapshots are of two stores: their numbers mean nothing to each other");
      other = nullptr;
    }
  }
  explicit operator bool() const { return other != nullptr; }

  Subject one;
  const HeldSnapshot* other;
};

// Calls `use(stores, memory)` with the memory that the snapshot is of, which remembers the last one that it was asked
// about; of one that is closed, with nothing to remember.
template <typename Use>
Status with_memory(Addon* addon, const Subject& subject, Use use) {
  const LockedStores stores(*subject.store);
  if (HeldMemory* memory = addon->memory(subject.held->memory)) return use(*stores, memory->captured());
  CapturedMemory nothing;
  const Status status = use(*stores, nothing);
  nothing.release(*stores);
  return status;
}

Status make_key(Addon* addon, const Subject& subject) {
  if (subject.snapshot().is_key_alone) return Status::ok();
  return with_memory(addon, subject, [&](PageStores& stores, CapturedMemory& memory) {
    return memory.make_key(stores, &subject.held->snapshot);
  });
}

// (store, snapshot): from now on only its key is held
napi_value keep_key(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const KeySubject subject(env, arguments.addon, arguments[0], arguments[1]);
  if (!subject) return nullptr;
  const Status status = make_key(arguments.addon, subject);
  if (!status.is_ok()) return throw_failure(env, status);
  keep_key_alone(*LockedStores(*subject.store), &subject.held->snapshot);
  return nullptr;
}

// (store, snapshot) -> number
napi_value key(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const KeySubject subject(env, arguments.addon, arguments[0], arguments[1]);
  if (!subject) return nullptr;
  const Status status = make_key(arguments.addon, subject);
  return status.is_ok() ? number_of(env, static_cast<size_t>(subject.snapshot().key)) : throw_failure(env, status);
}

// (store, snapshot) -> number
napi_value root(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const Subject subject(env, arguments.addon, arguments[0], arguments[1]);
  return subject ? number_of(env, size_t{static_cast<uint32_t>(subject.snapshot().memory.root) & ~kIsTable}) : nullptr;
}

napi_value page_count(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const Subject subject(env, arguments.addon, arguments[0], arguments[1]);
  return subject ? number_of(env, subject.snapshot().pages) : nullptr;
}

// (store, snapshot, snapshot) -> boolean
napi_value equals(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  const Pair pair(env, arguments);
  return pair ? boolean_of(env, equal(pair.one.snapshot(), pair.other->snapshot)) : nullptr;
}

// (store, snapshot, snapshot) -> ranges
napi_value diff(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  const Pair pair(env, arguments);
  if (!pair) return nullptr;
  GrowingArray<AddressRange> ranges;
  const Status status = difference(*LockedStores(*pair.one.store), pair.one.snapshot(), pair.other->snapshot, &ranges);
  if (!status.is_ok()) return throw_failure(env, status);
  napi_value result;
  if (napi_create_array_with_length(env, ranges.size(), &result) != napi_ok) return nullptr;
  for (uint32_t i = 0; i < ranges.size(); ++i) {
    napi_value range;
    if (napi_create_object(env, &range) != napi_ok) return nullptr;
    set(env, range, "start", bigint_of(env, ranges[i].start));
    set(env, range, "end", bigint_of(env, ranges[i].end));
    if (napi_set_element(env, result, i, range) != napi_ok) return nullptr;
  }
  return result;
}

// (store, snapshot, address, length): refused with what lies outside of all regions
napi_value check(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  AddressRange range;
  if (!get_range(env, arguments[2], arguments[3], &range)) return nullptr;
  const Subject subject(env, arguments.addon, arguments[0], arguments[1]);
  if (!subject) return nullptr;
  const Status status = check_covered(*LockedStores(*subject.store), subject.snapshot().regions, range);
  return undefined_or_throw(env, status);
}

// (store, snapshot, address, bytes): fills the Uint8Array
napi_value read(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  Bytes bytes;
  AddressRange range;
  napi_value length;
  if (!get_bytes(env, arguments[3], &bytes) ||
      napi_create_double(env, static_cast<double>(bytes.length), &length) != napi_ok ||
      !get_range(env, arguments[2], length, &range)) {
    return nullptr;
  }
  const Subject subject(env, arguments.addon, arguments[0], arguments[1]);
  if (!subject) return nullptr;
  const std::span to(const_cast<std::byte*>(bytes.data), bytes.length);
  const Status status = read_snapshot(*LockedStores(*subject.store), subject.snapshot(), range, to);
  return undefined_or_throw(env, status);
}

// (store, snapshot, address, length) -> ArrayBuffer of the whole pages around, or null where the runtime
// forbids it
napi_value map(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  AddressRange range;
  if (!get_range(env, arguments[2], arguments[3], &range)) return nullptr;
  const Subject subject(env, arguments.addon, arguments[0], arguments[1]);
  if (!subject) return nullptr;
  const Snapshot& snapshot = subject.snapshot();
  SnapshotMap* map;
  Status status = check_covered(*LockedStores(*subject.store), snapshot.regions, range);
  if (status.is_ok()) status = SnapshotMap::make(subject.store, snapshot.memory, range, &map);
  return status.is_ok() ? wrap(env, map) : throw_failure(env, status);
}

// (store, snapshot) -> regions
napi_value regions(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const Subject subject(env, arguments.addon, arguments[0], arguments[1]);
  if (!subject) return nullptr;
  GrowingArray<std::byte> bytes;
  const Status status = read_regions(*LockedStores(*subject.store), subject.snapshot().regions, &bytes);
  return status.is_ok() ? regions_of(env, {bytes.data(), bytes.size()}) : throw_failure(env, status);
}

// (store, snapshot) -> 32 hexadecimal digits
napi_value fingerprint(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const Subject subject(env, arguments.addon, arguments[0], arguments[1]);
  if (!subject) return nullptr;
  Fingerprint fingerprint;
  const Status status = with_memory(arguments.addon, subject, [&](PageStores& stores, CapturedMemory& memory) {
    const Status masked = memory.mask(stores, &subject.held->snapshot);
    return masked.is_ok() ? memory.fingerprints().of(stores, subject.snapshot().masked, &fingerprint) : masked;
  });
  if (!status.is_ok()) return throw_failure(env, status);
  char text[33];
  snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, fingerprint.high, fingerprint.low);
  return string_of(env, text, 32);
}

// (snapshot): releasing twice is no error
napi_value release(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  arguments.addon->release_snapshot(get_handle(env, arguments[0]));
  return nullptr;
}

}  // namespace

void add_snapshot(napi_env env, napi_value exports, Addon* addon) {
  const Function functions[] = {
      {"snapshotRoot", root},
      {"snapshotKey", key},
      {"keepSnapshotKey", keep_key},
      {"snapshotPageCount", page_count},
      {"snapshotEquals", equals},
      {"snapshotDiff", diff},
      {"snapshotCheck", check},
      {"snapshotRead", read},
      {"snapshotMap", map},
      {"snapshotRegions", regions},
      {"snapshotFingerprint", fingerprint},
      {"releaseSnapshot", release},
  };
  add_functions(env, exports, addon, functions);
}

}  // namespace pagestore::binding
