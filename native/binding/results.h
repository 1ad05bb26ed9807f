// From our values to JavaScript's. None of this runs JavaScript: properties are defined, not set, as a setter on
// Object.prototype would be called.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

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

// An array under construction.
class List {
 public:
  explicit List(napi_env env);
  void add(napi_value value);
  void add(std::initializer_list<napi_property_descriptor> properties);
  operator napi_value() const { return array_; }

 private:
  napi_env env_;
  napi_value array_ = nullptr;
  uint32_t count_ = 0;
};

napi_value list_of(napi_env env, std::span<const char* const> names);

// The captured ones of the regions that bytes hold (system/region.h).
napi_value regions_of(napi_env env, std::span<const std::byte> regions);

}  // namespace pagestore::binding
