// A window as an ArrayBuffer: wrapped once, unmapped when the last view of it is gone.
#pragma once

#include <node_api.h>

#include "store/shared_store.h"

namespace pagestore::binding {

// The ArrayBuffer; null (the JavaScript value) where this runtime allows no memory of our own in
// one; nothing with an exception pending.
napi_value wrap_window(napi_env env, SharedStore* store, size_t index);

}  // namespace pagestore::binding
