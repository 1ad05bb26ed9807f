// From a failure to a JavaScript exception: class PageStoreError, a stable `code`, a message with
// the values in it.
//
// The class is the facade's; the binding is told it once per environment. Every function here
// leaves an exception pending and returns null, for the caller to return. In an environment that is
// being terminated nothing can be thrown, and nothing need be.
#pragma once

#include <node_api.h>

#include <cstdint>

#include "system/status.h"

namespace pagestore::binding {

// Failures that only exist at the border.
enum class Misuse : uint8_t {
  argument_type,    // not the kind of value that the parameter takes
  page_size,        // bytes that are not whole pages, or not exactly one
  buffer_detached,  // a view whose buffer was transferred or has shrunk beneath it
  capacity,         // a capacity or budget that no store can have
  page_number,      // a number that is no unsigned 32-bit integer
  token,            // no token of a store
};

napi_value throw_misuse(napi_env env, Misuse misuse, const char* message);
napi_value throw_failure(napi_env env, const Status& status);

}  // namespace pagestore::binding
