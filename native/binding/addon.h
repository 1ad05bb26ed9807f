// What the addon keeps for each JavaScript environment (the main thread, each Worker).
//
// JavaScript names stores, memories and snapshots by handles. What is left of them when their store is closed, or when
// the environment ends, is released then.
//
// The binding is on node-addon-api, which makes JavaScript's values for us and never runs JavaScript: that may be
// refused at any time, once `worker.terminate()` was called or a `vm` script has run out of time, and node-addon-api
// then ends the process or loses the refusal. What may run JavaScript is therefore asked of Node-API itself, and
// failure.h says how a refusal is passed on. scripts/structure/floors.ts lists the calls that would break this.
#pragma once

#include <napi.h>

#include <memory>

#include "binding/handles.h"
#include "memory/memory.h"
#include "ptrace/start/kept_start.h"
#include "snapshot/snapshot.h"
#include "store/shared_store.h"
#include "system/non_copyable.h"

namespace pagestore::binding {

struct MemoryEntry {
  Handle store;
  std::unique_ptr<Memory> memory;
};

struct SnapshotEntry {
  Handle store;
  Handle memory;  // whose snapshot it is; it may be closed by now
  Snapshot snapshot;
};

class Addon : NonCopyable {
 public:
  explicit Addon(napi_env env) : env_(env) {}
  ~Addon();

  static Addon& of(napi_env env) { return *Napi::Env(env).GetInstanceData<Addon>(); }

  // Each takes over what it is given, and releases it when there is no memory for a handle.
  Handle add(SharedStore* store);
  Handle add(Handle store, std::unique_ptr<Memory> memory);
  Handle add(const SnapshotEntry& snapshot);
  Handle add(std::unique_ptr<KeptStart> start);

  // Null when the handle names nothing, or nothing any more.
  SharedStore* store(Handle handle) const { return stores_.get(handle); }
  MemoryEntry* memory(Handle handle) const { return memories_.get(handle); }
  SnapshotEntry* snapshot(Handle handle) const { return snapshots_.get(handle); }
  KeptStart* kept_start(Handle handle) const { return starts_.get(handle); }

  // To close twice is no error.
  void close_store(Handle handle);
  void close_memory(Handle handle);
  Status release_snapshot(Handle handle);
  void close_kept_start(Handle handle) { delete starts_.take(handle); }

  // What the addon must know of this environment's JavaScript before anybody can change it.
  void look_up_builtins();

  // The class of what is thrown; null until the facade has set it.
  napi_value error_class() const { return referred(error_class_); }
  void set_error_class(napi_value error_class);

  // %TypedArray%.prototype.at as it was when the addon was loaded, before anybody could replace it.
  napi_value typed_array_at() const { return referred(typed_array_at_); }

 private:
  napi_value referred(napi_ref reference) const;
  void close_all_of(Handle store);

  napi_env env_;
  Handles<SharedStore> stores_;
  Handles<MemoryEntry> memories_;
  Handles<SnapshotEntry> snapshots_;
  Handles<KeptStart> starts_;
  napi_ref error_class_ = nullptr;
  napi_ref typed_array_at_ = nullptr;
};

}  // namespace pagestore::binding
