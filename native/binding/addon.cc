#include "binding/addon.h"

#include <cerrno>
#include <new>

#include "binding/local_memory.h"
#include "binding/memory.h"
#include "binding/page_store.h"
#include "binding/process_memory.h"
#include "binding/snapshot.h"
#include "binding/tracee.h"

namespace pagestore::binding {

namespace {

Status no_memory_for_handle() {
  return Status::out_of_memory("a handle", sizeof(Handle), ENOMEM);
}

}  // namespace

Addon::~Addon() {
  stores_.for_each([&](SharedStore*, Handle handle) { close_store(handle); });
}

Addon& Addon::of(napi_env env) {
  void* addon = nullptr;
  napi_get_instance_data(env, &addon);
  return *static_cast<Addon*>(addon);
}

Status Addon::hold(SharedStore* store, Handle* handle) {
  if (stores_.add(store, handle)) return Status::ok();
  store->close();
  return no_memory_for_handle();
}

Status Addon::hold(std::unique_ptr<HeldMemory> memory, Handle* handle) {
  if (!memories_.add(memory.get(), handle)) return no_memory_for_handle();
  static_cast<void>(memory.release());
  return Status::ok();
}

Status Addon::hold(const HeldSnapshot& snapshot, Handle* handle) {
  auto* held = new (std::nothrow) HeldSnapshot(snapshot);
  if (held != nullptr && snapshots_.add(held, handle)) return Status::ok();
  delete held;
  Snapshot lost = snapshot.snapshot;
  release(*LockedStores(*store(snapshot.store)), &lost);
  return no_memory_for_handle();
}

void Addon::close_store(Handle handle) {
  if (SharedStore* store = stores_.get(handle)) {
    close(store, handle);
    stores_.take(handle);
  }
}

// What belongs to the handle goes with it: other threads may have the store open for long.
void Addon::close(SharedStore* store, Handle handle) {
  const double number = handle.number();
  memories_.for_each([&](HeldMemory* memory, Handle each) {
    if (memory->store.number() == number) close_memory(each);
  });
  snapshots_.for_each([&](HeldSnapshot* snapshot, Handle each) {
    if (snapshot->store.number() == number) release_snapshot(each);
  });
  store->close();
}

void Addon::close_memory(Handle handle) {
  const std::unique_ptr<HeldMemory> memory(memories_.take(handle));
  if (!memory) return;
  memory->captured().release(*LockedStores(*store(memory->store)));
}

void Addon::release_snapshot(Handle handle) {
  const std::unique_ptr<HeldSnapshot> snapshot(snapshots_.take(handle));
  if (snapshot) release(*LockedStores(*store(snapshot->store)), &snapshot->snapshot);
}

napi_value Addon::referred(napi_ref reference) const {
  napi_value value = nullptr;
  if (reference != nullptr) napi_get_reference_value(env_, reference, &value);
  return value;
}

bool Addon::look_up_builtins() {
  napi_value global, type, prototype, at;
  return napi_get_global(env_, &global) == napi_ok &&
         napi_get_named_property(env_, global, "Uint8Array", &type) == napi_ok &&
         napi_get_named_property(env_, type, "prototype", &prototype) == napi_ok &&
         napi_get_named_property(env_, prototype, "at", &at) == napi_ok &&
         napi_create_reference(env_, at, 1, &typed_array_at_) == napi_ok;
}

void Addon::set_error_class(napi_value error_class) {
  if (error_class_ == nullptr) napi_create_reference(env_, error_class, 1, &error_class_);
}

namespace {

void end(napi_env, void* addon, void*) {
  delete static_cast<Addon*>(addon);
}

}  // namespace

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  auto* addon = new (std::nothrow) Addon(env);
  if (addon == nullptr || napi_set_instance_data(env, addon, end, nullptr) != napi_ok) {
    delete addon;
    return nullptr;
  }
  if (!addon->look_up_builtins()) return nullptr;
  add_page_store(env, exports, addon);
  add_snapshot(env, exports, addon);
  add_memory(env, exports, addon);
  add_local_memory(env, exports, addon);
  add_process_memory(env, exports, addon);
  add_tracee(env, exports, addon);
  return exports;
}

}  // namespace pagestore::binding
