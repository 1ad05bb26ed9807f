// What the addon keeps for each JavaScript environment (the main thread, each Worker).
//
// Stores are named by small integers, checked on every call: nothing that JavaScript can pass is an
// address. When the environment ends, whatever it still holds is closed.
//
// The binding is written on Node-API itself. Its C++ wrapper ends the process when a call fails
// that it did not expect to, and every call may fail once `worker.terminate()` was called: here a
// call that fails returns to a JavaScript that will not run on.
#pragma once

#include <node_api.h>

#include <cstdint>

#include "store/shared_store.h"

namespace pagestore::binding {

class Addon {
 public:
  explicit Addon(napi_env env) : env_(env) {}
  Addon(const Addon&) = delete;
  ~Addon();

  static Addon& of(napi_env env);

  // Takes over the caller's hold on the store. False when there is no memory to remember it.
  bool hold(SharedStore* store, uint32_t* handle);

  // Null when the handle is closed.
  SharedStore* store(uint32_t handle) const { return handle < count_ ? stores_[handle] : nullptr; }

  void close(uint32_t handle);

  // What the addon must know of this environment's JavaScript before anybody can change it.
  bool look_up_builtins();

  // What failures are thrown as; null until the facade has told.
  napi_value error_class() const { return referred(error_class_); }
  void set_error_class(napi_value error_class);

  // %TypedArray%.prototype.at as it was when the addon was loaded, before anybody could replace it.
  napi_value typed_array_at() const { return referred(typed_array_at_); }

 private:
  napi_value referred(napi_ref reference) const;

  napi_env env_;
  SharedStore** stores_ = nullptr;
  uint32_t count_ = 0;
  napi_ref error_class_ = nullptr;
  napi_ref typed_array_at_ = nullptr;
};

}  // namespace pagestore::binding
