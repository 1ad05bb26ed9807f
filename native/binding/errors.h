// From a failure to a JavaScript exception: class PageStoreError, a stable `code`, a message with
// the values in it.
//
// The class is the facade's; the binding is told it once per environment. Every function here
// leaves an exception pending and returns null, for the caller to return. In an environment that is
// being terminated nothing can be thrown, and nothing need be.
#pragma once

#include <node_api.h>

#include "system/status.h"

namespace pagestore::binding {

// Codes of failures that only exist at the border. lib/errors.ts says what each one means.
namespace code {
inline constexpr char argument_type[] = "ERR_ARGUMENT_TYPE";
inline constexpr char page_size[] = "ERR_PAGE_SIZE";
inline constexpr char page_number[] = "ERR_PAGE_NUMBER";
inline constexpr char buffer_detached[] = "ERR_BUFFER_DETACHED";
inline constexpr char capacity[] = "ERR_CAPACITY";
inline constexpr char token[] = "ERR_TOKEN";
inline constexpr char address[] = "ERR_ADDRESS";
inline constexpr char memory_closed[] = "ERR_MEMORY_CLOSED";
inline constexpr char snapshot_released[] = "ERR_SNAPSHOT_RELEASED";
inline constexpr char other_store[] = "ERR_OTHER_STORE";
inline constexpr char other_memory[] = "ERR_OTHER_MEMORY";
}  // namespace code

napi_value throw_error(napi_env env, const char* code, const char* message);
napi_value throw_failure(napi_env env, const Status& status);

}  // namespace pagestore::binding
