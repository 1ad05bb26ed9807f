// The functions that the facade's PageStore calls. Plain functions on a handle: a method would cost
// three times as much.
#pragma once

#include <napi.h>

namespace pagestore::binding {

void add_page_store(Napi::Env env, Napi::Object exports);

}  // namespace pagestore::binding
