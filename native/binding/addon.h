// What the addon keeps for each JavaScript environment (the main thread, each Worker).
//
// Stores, memories and snapshots are named by handles. What is left of them when their store is closed,
// or when the environment ends, is released then.
//
// The binding is written on Node-API itself. Its C++ wrapper ends the process when a call fails
// that it did not expect to, and every call may fail once `worker.terminate()` was called: here a
// call that fails returns to a JavaScript that will not run on.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <memory>

#include "binding/handles.h"
#include "memory/local_memory.h"
#include "memory/process_memory.h"
#include "memory/tracee/tracee.h"
#include "snapshot/snapshot.h"
#include "store/shared_store.h"

namespace pagestore::binding {

// One of the three.
struct HeldMemory {
  Handle store;
  std::unique_ptr<LocalMemory> local;
  std::unique_ptr<ProcessMemory> process;
  std::unique_ptr<Tracee> tracee = {};

  CapturedMemory& captured() { return local ? local->captured() : process ? process->captured() : tracee->captured(); }
};

struct HeldSnapshot {
  Handle store;
  Handle memory;  // whose snapshot it is; it may be closed by now
  Snapshot snapshot;
};

class Addon {
 public:
  explicit Addon(napi_env env) : env_(env) {}
  Addon(const Addon&) = delete;
  ~Addon();

  static Addon& of(napi_env env);

  // Each takes over what it is given, and releases it when there is no memory to remember it.
  Status hold(SharedStore* store, Handle* handle);
  Status hold(std::unique_ptr<HeldMemory> memory, Handle* handle);
  Status hold(const HeldSnapshot& snapshot, Handle* handle);

  // Null when nothing has that handle (any more).
  SharedStore* store(Handle handle) const { return stores_.get(handle); }
  HeldMemory* memory(Handle handle) const { return memories_.get(handle); }
  HeldSnapshot* snapshot(Handle handle) const { return snapshots_.get(handle); }

  void close_store(Handle handle);
  void close_memory(Handle handle);
  void release_snapshot(Handle handle);

  // What the addon must know of this environment's JavaScript before anybody can change it.
  bool look_up_builtins();

  // What failures are thrown as; null until the facade has told.
  napi_value error_class() const { return referred(error_class_); }
  void set_error_class(napi_value error_class);

  // %TypedArray%.prototype.at as it was when the addon was loaded, before anybody could replace it.
  napi_value typed_array_at() const { return referred(typed_array_at_); }

 private:
  napi_value referred(napi_ref reference) const;
  void close(SharedStore* store, Handle handle);

  napi_env env_;
  Handles<SharedStore> stores_;
  Handles<HeldMemory> memories_;
  Handles<HeldSnapshot> snapshots_;
  napi_ref error_class_ = nullptr;
  napi_ref typed_array_at_ = nullptr;
};

}  // namespace pagestore::binding
