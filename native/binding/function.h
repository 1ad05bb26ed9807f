// Functions of the addon as JavaScript calls them, and their registration.
//
// A function of the binding takes Arguments, throws what failure.h says, and returns nothing or what results.h
// converts. All are plain functions on a handle: a method costs five times as much, and Bun and Deno let it be called
// on a foreign object.
//
// node-addon-api has a way of its own to call a function, with a CallbackInfo. We do without it: it costs a third more
// for a handle and a number, allocates for more than six arguments, and calls JavaScript to report a failure.
#pragma once

#include <napi.h>

#include <span>
#include <string_view>
#include <type_traits>

#include "binding/arguments.h"
#include "binding/failure.h"
#include "binding/results.h"

namespace pagestore::binding {

template <auto function>
napi_value guarded(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  try {
    if constexpr (std::is_void_v<decltype(function(arguments))>) {
      function(arguments);
      return nullptr;
    } else {
      return value_of(env, function(arguments));
    }
  } catch (const Failure& failure) {
    throw_in_javascript(env, failure);
  } catch (...) {
    throw_current_in_javascript(env);
  }
  return nullptr;
}

struct Function {
  const char* name;
  napi_callback function;
};

// What the addon exports.
class Exports {
 public:
  Exports(Napi::Env env, Napi::Object object, Addon* addon) : env_(env), object_(object), addon_(addon) {}

  void add(std::span<const Function> functions);
  void add(const char* name, size_t number) { add(name, value_of(env_, number)); }
  void add(const char* name, std::string_view text) { add(name, value_of(env_, text)); }
  // An array that says what the numbers from 0 on mean.
  void add(const char* name, std::span<const char* const> names) { add(name, list_of(env_, names)); }

 private:
  void add(const char* name, napi_value value);

  Napi::Env env_;
  Napi::Object object_;
  Addon* addon_;
};

// One file for each of the facade's classes, and one for what all memories share.
void add_page_store(Exports& exports);
void add_snapshot(Exports& exports);
void add_memory(Exports& exports);
void add_local_memory(Exports& exports);
void add_process_memory(Exports& exports);
void add_tracee(Exports& exports);

}  // namespace pagestore::binding
