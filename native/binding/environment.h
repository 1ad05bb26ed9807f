// Whether JavaScript may still run.
#pragma once

#include <napi.h>

namespace pagestore::binding {

// True once the environment is being ended: a Worker that is terminated, or a process that exits. Nothing of Node-API
// says so; but a question about a property is refused then.
bool is_ending(napi_env env);

}  // namespace pagestore::binding
