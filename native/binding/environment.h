// Whether JavaScript may still run.
//
// Asked where we would otherwise wait on for long (a tracee that runs), and where memory is given up that another
// thread may still read (external_buffer.h). It costs about as much as reading a property.
#pragma once

#include <napi.h>

namespace pagestore::binding {

// True once the environment is being ended: a Worker that is terminated, or a process that exits. Nothing of Node-API
// says so; but a question about a property is refused then.
bool is_ending(napi_env env);

}  // namespace pagestore::binding
