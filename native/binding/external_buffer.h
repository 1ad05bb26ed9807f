// Memory of ours as an ArrayBuffer: wrapped once, and given up when the last view of it is gone.
//
// By Node-API itself: where a runtime refuses to wrap memory, node-addon-api frees its note twice (Node 20).
#pragma once

#include <napi.h>

#include <cstddef>

namespace pagestore::binding {

// What is wrapped, and the two functions of which one is called at its end: `close` unmaps the memory; `leave_zeroes`
// replaces it by zeroes that can still be read. Both delete `owner`.
struct External {
  void* data;
  size_t bytes;
  void* owner;
  void (*close)(void* owner);
  void (*leave_zeroes)(void* owner);
};

// The ArrayBuffer, which owns from now on; null (the JavaScript value) where this runtime allows no memory of our own
// in one. Then, and when it throws, the memory is closed.
napi_value wrap(napi_env env, const External& external);

template <typename Owner>
napi_value wrap(napi_env env, Owner* owner) {
  return wrap(env, External{owner->data(), owner->bytes(), owner, [](void* it) { static_cast<Owner*>(it)->close(); },
                            [](void* it) { static_cast<Owner*>(it)->leave_zeroes(); }});
}

}  // namespace pagestore::binding
