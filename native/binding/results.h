// From our values to JavaScript's. Null where the environment is being terminated: for the caller to
// return.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "binding/addon.h"
#include "binding/handles.h"
#include "system/status.h"

namespace pagestore::binding {

napi_value number_of(napi_env env, size_t value);
napi_value number_of(napi_env env, Handle handle);
napi_value bigint_of(napi_env env, uint64_t value);
napi_value boolean_of(napi_env env, bool value);
napi_value string_of(napi_env env, const char* text, size_t length = NAPI_AUTO_LENGTH);

void set(napi_env env, napi_value object, const char* name, napi_value value);
void set(napi_env env, napi_value object, const char* name, uint64_t value);
void set(napi_env env, napi_value object, const char* name, const char* value);

// The captured ones of the regions that bytes hold (system/region.h), as an array of objects.
napi_value regions_of(napi_env env, std::span<const std::byte> regions);

// Nothing, or an exception.
napi_value undefined_or_throw(napi_env env, const Status& status);

struct Function {
  const char* name;
  napi_callback function;
};
void add_functions(napi_env env, napi_value exports, Addon* addon, std::span<const Function> functions);

}  // namespace pagestore::binding
