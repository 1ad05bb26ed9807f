#include "binding/addon.h"

#include <cerrno>

#include "binding/failure.h"

namespace pagestore::binding {

namespace {

[[noreturn]] void fail_for_handle() {
  fail(Status::out_of_memory("a handle", sizeof(Handle), ENOMEM));
}

}  // namespace

// The environment ends. It gives up our references to its values by itself.
Addon::~Addon() {
  stores_.for_each([&](SharedStore*, Handle handle) { close_store(handle); });
  starts_.for_each([&](KeptStart*, Handle handle) { close_kept_start(handle); });
}

Handle Addon::add(SharedStore* store) {
  Handle handle = Handle::none();
  if (stores_.add(store, &handle)) return handle;
  store->close();
  fail_for_handle();
}

Handle Addon::add(Handle store, std::unique_ptr<Memory> memory) {
  auto entry = std::make_unique<MemoryEntry>(store, std::move(memory));
  Handle handle = Handle::none();
  if (!memories_.add(entry.get(), &handle)) fail_for_handle();
  static_cast<void>(entry.release());
  return handle;
}

Handle Addon::add(const SnapshotEntry& snapshot) {
  auto* entry = new (std::nothrow) SnapshotEntry(snapshot);
  Handle handle = Handle::none();
  if (entry != nullptr && snapshots_.add(entry, &handle)) return handle;
  delete entry;
  Snapshot lost = snapshot.snapshot;
  static_cast<void>(release(*LockedStores(*store(snapshot.store)), &lost));
  fail_for_handle();
}

Handle Addon::add(std::unique_ptr<KeptStart> start) {
  Handle handle = Handle::none();
  if (!starts_.add(start.get(), &handle)) fail_for_handle();
  static_cast<void>(start.release());
  return handle;
}

void Addon::close_store(Handle handle) {
  if (SharedStore* store = stores_.get(handle)) {
    close_all_of(handle);
    store->close();
    stores_.take(handle);
  }
}

// What belongs to the handle goes with it: other threads may have the store open for long.
void Addon::close_all_of(Handle store) {
  memories_.for_each([&](MemoryEntry* memory, Handle each) {
    if (memory->store == store) close_memory(each);
  });
  snapshots_.for_each([&](SnapshotEntry* snapshot, Handle each) {
    if (snapshot->store == store) static_cast<void>(release_snapshot(each));
  });
}

void Addon::close_memory(Handle handle) {
  const std::unique_ptr<MemoryEntry> entry(memories_.take(handle));
  if (entry) entry->memory->release(*LockedStores(*store(entry->store)));
}

Status Addon::release_snapshot(Handle handle) {
  const std::unique_ptr<SnapshotEntry> entry(snapshots_.take(handle));
  if (!entry) return Status::ok();
  const LockedStores stores(*store(entry->store));
  Status status = release(*stores, &entry->snapshot);
  if (MemoryEntry* owner = memory(entry->memory)) owner->memory->on_release(*stores);
  return status;
}

napi_value Addon::referred(napi_ref reference) const {
  napi_value value = nullptr;
  if (reference != nullptr) napi_get_reference_value(env_, reference, &value);
  return value;
}

void Addon::look_up_builtins() {
  napi_value global, type, prototype, at;
  check(napi_get_global(env_, &global));
  check(napi_get_named_property(env_, global, "Uint8Array", &type));
  check(napi_get_named_property(env_, type, "prototype", &prototype));
  check(napi_get_named_property(env_, prototype, "at", &at));
  check(napi_create_reference(env_, at, 1, &typed_array_at_));
}

void Addon::set_error_class(napi_value error_class) {
  if (error_class_ == nullptr) check(napi_create_reference(env_, error_class, 1, &error_class_));
}

}  // namespace pagestore::binding
