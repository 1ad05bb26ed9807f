// The functions that the facade's LocalMemory calls.
#pragma once

#include <node_api.h>

namespace pagestore::binding {

class Addon;

void add_local_memory(napi_env env, napi_value exports, Addon* addon);

}  // namespace pagestore::binding
