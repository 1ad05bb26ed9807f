// Tracees for JavaScript.
#pragma once

#include <node_api.h>

namespace pagestore::binding {

class Addon;

void add_tracee(napi_env env, napi_value exports, Addon* addon);

}  // namespace pagestore::binding
