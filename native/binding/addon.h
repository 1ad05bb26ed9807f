// What the addon keeps for each JavaScript environment (the main thread, each Worker).
//
// Stores are named by small integers, checked on every call: nothing that JavaScript can pass is an
// address. When the environment ends, whatever it still holds is closed.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

#include "store/shared_store.h"

namespace pagestore::binding {

class Addon {
 public:
  explicit Addon(Napi::Env env) : env_(env) {}
  Addon(const Addon&) = delete;
  ~Addon();

  static Addon& of(napi_env env);

  // Takes over the caller's hold on the store. False when there is no memory to remember it.
  bool hold(SharedStore* store, uint32_t* handle);

  // Null when the handle is closed.
  SharedStore* store(uint32_t handle) const { return handle < count_ ? stores_[handle] : nullptr; }

  void close(uint32_t handle);

  Napi::FunctionReference& error_class() { return error_class_; }

  // True for a view of no bytes whose buffer was detached, or has shrunk so that the view lies
  // outside.
  bool is_out_of_bounds(napi_value view);

 private:
  Napi::Env env_;
  SharedStore** stores_ = nullptr;
  uint32_t count_ = 0;
  Napi::FunctionReference error_class_;
};

}  // namespace pagestore::binding
