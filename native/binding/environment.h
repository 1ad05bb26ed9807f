// Whether JavaScript may still run.
//
// Asked where we would otherwise wait on for long (a tracee that runs), and where memory is given up that another
// thread may still read (external_buffer.h). It costs about as much as reading a property.
#pragma once

#include <napi.h>

namespace pagestore::binding {

// True once the environment is being ended: a Worker that is terminated, or a process that exits. Nothing of Node-API
// says so; but a question about a property is refused then. It is asked of an object of our own, for no JavaScript must
// run: a Proxy may stand behind the global object, and the caller is in the middle of a call.
bool is_ending(napi_env env);

}  // namespace pagestore::binding
