#include "binding/environment.h"

namespace pagestore::binding {

bool is_ending(napi_env env) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return true;
  napi_value object;
  bool has;
  const bool answers =
      napi_create_object(env, &object) == napi_ok && napi_has_named_property(env, object, "", &has) == napi_ok;
  napi_close_handle_scope(env, scope);
  return !answers;
}

}  // namespace pagestore::binding
