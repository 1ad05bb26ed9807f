#include "binding/local_memory.h"

#include <cerrno>
#include <new>

#include "binding/addon.h"
#include "binding/arguments.h"
#include "binding/errors.h"
#include "binding/memory.h"
#include "binding/results.h"

namespace pagestore::binding {

namespace {

bool get_local_bytes(napi_env env, napi_value value, LocalBytes* local) {
  Bytes bytes;
  if (!get_bytes(env, value, &bytes)) return false;
  local->data = const_cast<std::byte*>(bytes.data);
  local->length = bytes.length;
  local->is_shared = is_shared(env, value);
  return true;
}

HeldMemory* get_local(napi_env env, Addon* addon, napi_value handle) {
  HeldMemory* memory = get_memory(env, addon, handle);
  if (memory == nullptr || memory->local) return memory;
  throw_error(env, code::argument_type, "not a memory of this process");
  return nullptr;
}

// (store, tracker) -> memory
napi_value open_local(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  TrackerKind kind;
  const TrackerKind* wanted;
  if (!get_tracker(env, arguments[1], &kind, &wanted)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  std::unique_ptr<HeldMemory> held(new (std::nothrow) HeldMemory{get_handle(env, arguments[0]), nullptr, nullptr});
  if (!held) return throw_failure(env, Status::out_of_memory("new", sizeof(HeldMemory), ENOMEM));
  Handle handle = Handle::none();
  Status status = LocalMemory::open(store, optional_of(wanted), &held->local);
  if (status.is_ok()) status = arguments.addon->hold(std::move(held), &handle);
  return status.is_ok() ? number_of(env, handle) : throw_failure(env, status);
}

// (store, memory, bytes) -> snapshot
napi_value capture(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  LocalBytes bytes;
  if (!get_local_bytes(env, arguments[2], &bytes)) return nullptr;
  if (get_store(env, arguments.addon, arguments[0]) == nullptr) return nullptr;
  HeldMemory* memory = get_local(env, arguments.addon, arguments[1]);
  if (memory == nullptr) return nullptr;
  HeldSnapshot held{memory->store, get_handle(env, arguments[1]), {}};
  Handle handle = Handle::none();
  memory->local->locate(bytes);
  Status status = memory->local->capture(&held.snapshot);
  if (status.is_ok()) status = arguments.addon->hold(held, &handle);
  return status.is_ok() ? number_of(env, handle) : throw_failure(env, status);
}

// (store, memory, bytes, snapshot)
napi_value restore(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  LocalBytes bytes;
  if (!get_local_bytes(env, arguments[2], &bytes)) return nullptr;
  if (get_store(env, arguments.addon, arguments[0]) == nullptr) return nullptr;
  HeldMemory* memory = get_local(env, arguments.addon, arguments[1]);
  if (memory == nullptr) return nullptr;
  const HeldSnapshot* held = get_snapshot(env, arguments.addon, arguments[3]);
  if (held == nullptr) return nullptr;
  if (arguments.addon->store(held->store) != arguments.addon->store(memory->store)) {
    return throw_error(env, code::other_store, "the snapshot is of another store");
  }
  memory->local->locate(bytes);
  return undefined_or_throw(env, memory->local->restore(held->snapshot));
}

// (memory, bytes) -> name
napi_value tracker(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  LocalBytes bytes;
  if (!get_local_bytes(env, arguments[1], &bytes)) return nullptr;
  const HeldMemory* memory = get_local(env, arguments.addon, arguments[0]);
  if (memory == nullptr) return nullptr;
  memory->local->locate(bytes);
  return string_of(env, name_of(memory->local->tracker()));
}

}  // namespace

void add_local_memory(napi_env env, napi_value exports, Addon* addon) {
  const Function functions[] = {
      {"openLocalMemory", open_local},
      {"captureLocal", capture},
      {"restoreLocal", restore},
      {"localTracker", tracker},
  };
  add_functions(env, exports, addon, functions);
}

}  // namespace pagestore::binding
