#include "binding/results.h"

#include "binding/errors.h"
#include "system/region.h"

namespace pagestore::binding {

napi_value number_of(napi_env env, size_t value) {
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(value), &result);
  return result;
}

napi_value number_of(napi_env env, Handle handle) {
  napi_value result = nullptr;
  napi_create_double(env, handle.number(), &result);
  return result;
}

napi_value bigint_of(napi_env env, uint64_t value) {
  napi_value result = nullptr;
  napi_create_bigint_uint64(env, value, &result);
  return result;
}

napi_value boolean_of(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value string_of(napi_env env, const char* text, size_t length) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, text, length, &result);
  return result;
}

void set(napi_env env, napi_value object, const char* name, napi_value value) {
  if (value != nullptr) napi_set_named_property(env, object, name, value);
}

void set(napi_env env, napi_value object, const char* name, uint64_t value) {
  set(env, object, name, number_of(env, value));
}

void set(napi_env env, napi_value object, const char* name, const char* value) {
  set(env, object, name, string_of(env, value));
}

napi_value regions_of(napi_env env, std::span<const std::byte> regions) {
  napi_value result;
  if (napi_create_array(env, &result) != napi_ok) return nullptr;
  RegionReader reader(regions);
  Region region;
  for (uint32_t i = 0; reader.next(&region);) {
    napi_value object;
    if (!region.is_captured) continue;
    if (napi_create_object(env, &object) != napi_ok) return nullptr;
    set(env, object, "start", bigint_of(env, region.start));
    set(env, object, "end", bigint_of(env, region.end));
    set(env, object, "permissions", string_of(env, region.permissions, sizeof(region.permissions)));
    set(env, object, "offset", bigint_of(env, region.offset));
    set(env, object, "path", string_of(env, region.path.data(), region.path.size()));
    if (napi_set_element(env, result, i++, object) != napi_ok) return nullptr;
  }
  return result;
}

napi_value undefined_or_throw(napi_env env, const Status& status) {
  return status.is_ok() ? nullptr : throw_failure(env, status);
}

void add_functions(napi_env env, napi_value exports, Addon* addon, std::span<const Function> functions) {
  for (const auto& [name, function] : functions) {
    napi_value value;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, addon, &value) == napi_ok) {
      set(env, exports, name, value);
    }
  }
}

}  // namespace pagestore::binding
