// Where the addon begins: what it keeps for each environment, and what it exports.
#include <napi.h>

#include <new>

#include "binding/addon.h"
#include "binding/function.h"

namespace pagestore::binding {

void Exports::add(std::span<const Function> functions) {
  for (const auto& [name, function] : functions) {
    napi_value value;
    check(napi_create_function(env_, name, NAPI_AUTO_LENGTH, function, addon_, &value));
    add(name, value);
  }
}

void Exports::add(const char* name, napi_value value) {
  define(env_, object_, {{property(name, value)}});
}

namespace {

// Nothing is thrown from here: the Worker that loads the addon may be terminated meanwhile.
Napi::Object begin(Napi::Env env, Napi::Object object) {
  auto* addon = new (std::nothrow) Addon(env);
  if (addon == nullptr) return object;
  env.SetInstanceData(addon);
  try {
    addon->look_up_builtins();
    Exports exports(env, object, addon);
    add_page_store(exports);
    add_snapshot(exports);
    add_memory(exports);
    add_local_memory(exports);
    add_process_memory(exports);
    add_tracee(exports);
  } catch (...) {
    throw_current_in_javascript(env);
  }
  return object;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, begin)

}  // namespace pagestore::binding
