// From our values to JavaScript's.
//
// Properties are defined, not set: a setter on Object.prototype is not called. Elements of an array can only be set,
// and a setter on Array.prototype may do anything, such as close the memory that the array is made of. So a List is
// filled when all of its values are there.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "binding/failure.h"
#include "binding/handles.h"

namespace pagestore::binding {

inline napi_value value_of(napi_env, napi_value value) {
  return value;
}
inline napi_value value_of(napi_env env, double number) {
  return Napi::Number::New(env, number);
}
inline napi_value value_of(napi_env env, size_t number) {
  return value_of(env, static_cast<double>(number));
}
inline napi_value value_of(napi_env env, uint32_t number) {
  return value_of(env, static_cast<double>(number));
}
inline napi_value value_of(napi_env env, pid_t number) {
  return value_of(env, static_cast<double>(number));
}
inline napi_value value_of(napi_env env, Handle handle) {
  return value_of(env, handle.number());
}
inline napi_value value_of(napi_env env, bool value) {
  return Napi::Boolean::New(env, value);
}
inline napi_value value_of(napi_env env, std::string_view text) {
  return Napi::String::New(env, text);
}
inline napi_value value_of(napi_env env, const char* text) {
  return Napi::String::New(env, text);
}
inline napi_value bigint_of(napi_env env, uint64_t number) {
  return Napi::BigInt::New(env, number);
}

// 32 hexadecimal digits.
napi_value hexadecimal(napi_env env, uint64_t high, uint64_t low);

inline napi_property_descriptor property(const char* name, napi_value value) {
  return {name, nullptr, nullptr, nullptr, nullptr, value, napi_default_jsproperty, nullptr};
}
void define(napi_env env, napi_value object, std::span<const napi_property_descriptor> properties);

// The values of an array to be.
class List {
 public:
  explicit List(napi_env env) : env_(env) {}
  void add(napi_value value) { values_.push_back(value); }
  void add(std::initializer_list<napi_property_descriptor> properties);
  // May run JavaScript.
  napi_value to_array() const;

 private:
  napi_env env_;
  std::vector<napi_value> values_;
};

napi_value list_of(napi_env env, std::span<const char* const> names);

// The captured ones among the regions in `regions` (system/region.h).
napi_value regions_of(napi_env env, std::span<const std::byte> regions);

}  // namespace pagestore::binding
