#include "binding/results.h"

#include <cinttypes>
#include <cstdio>

#include "system/region.h"

namespace pagestore::binding {

napi_value hexadecimal(napi_env env, uint64_t high, uint64_t low) {
  char text[33];
  snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, high, low);
  return value_of(env, text);
}

void define(napi_env env, napi_value object, std::span<const napi_property_descriptor> properties) {
  check(napi_define_properties(env, object, properties.size(), properties.data()));
}

void List::add(std::initializer_list<napi_property_descriptor> properties) {
  napi_value object;
  check(napi_create_object(env_, &object));
  define(env_, object, properties);
  add(object);
}

napi_value List::to_array() const {
  napi_value array;
  check(napi_create_array_with_length(env_, values_.size(), &array));
  for (size_t i = 0; i < values_.size(); ++i) {
    check(napi_set_element(env_, array, static_cast<uint32_t>(i), values_[i]));
  }
  return array;
}

napi_value list_of(napi_env env, std::span<const char* const> names) {
  List list(env);
  for (const char* name : names) list.add(value_of(env, name));
  return list.to_array();
}

napi_value regions_of(napi_env env, std::span<const std::byte> regions) {
  List list(env);
  RegionReader reader(regions);
  for (Region region; reader.next(&region);) {
    if (!region.is_captured) continue;
    list.add({property("start", bigint_of(env, region.start)), property("end", bigint_of(env, region.end)),
              property("permissions", value_of(env, std::string_view(region.permissions, sizeof(region.permissions)))),
              property("offset", bigint_of(env, region.offset)), property("path", value_of(env, region.path))});
  }
  return list.to_array();
}

}  // namespace pagestore::binding
