// The functions that the facade's PageStore calls. Plain functions on a handle: a method would cost
// three times as much.
#pragma once

#include <node_api.h>

namespace pagestore::binding {

class Addon;

void add_page_store(napi_env env, napi_value exports, Addon* addon);

}  // namespace pagestore::binding
