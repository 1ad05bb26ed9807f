// How a function of the binding fails: it throws one of two things, and `guarded` (function.h) catches both.
//
// A Failure becomes a JavaScript exception: class PageStoreError, a stable `code`, a message with the values in it.
// Pending says that nothing is left to be done: JavaScript has an exception already, or will not run on, because its
// Worker is being terminated or its `vm` script has run out of time.
//
// node-addon-api has an exception of its own, which we never let it throw into JavaScript: to make its error it calls
// JavaScript, and where that is refused it ends the process. So errors are made and thrown by Node-API itself, which
// then returns to a JavaScript that will not run on.
#pragma once

#include <napi.h>

#include "system/status.h"

namespace pagestore::binding {

// What failures are called in more than one place. lib/errors.ts says what each one means.
namespace code {
inline constexpr char argument_type[] = "ERR_ARGUMENT_TYPE";
inline constexpr char page_size[] = "ERR_PAGE_SIZE";
inline constexpr char page_number[] = "ERR_PAGE_NUMBER";
inline constexpr char buffer_detached[] = "ERR_BUFFER_DETACHED";
inline constexpr char capacity[] = "ERR_CAPACITY";
inline constexpr char out_of_memory[] = "ERR_OUT_OF_MEMORY";
inline constexpr char token[] = "ERR_TOKEN";
inline constexpr char address[] = "ERR_ADDRESS";
inline constexpr char choice[] = "ERR_CHOICE";
inline constexpr char memory_closed[] = "ERR_MEMORY_CLOSED";
inline constexpr char snapshot_released[] = "ERR_SNAPSHOT_RELEASED";
inline constexpr char other_store[] = "ERR_OTHER_STORE";
inline constexpr char other_memory[] = "ERR_OTHER_MEMORY";
}  // namespace code

struct Failure {
  const char* code;  // a literal
  char message[320];
};

struct Pending {};

// Throws the Failure; the message is formatted as by printf.
[[noreturn, gnu::format(printf, 2, 3)]] void fail(const char* code, const char* format, ...);
[[noreturn]] void fail(const Status& status);

inline void check(const Status& status) {
  if (!status.is_ok()) [[unlikely]]
    fail(status);
}

// Of a call that may run JavaScript.
inline void check(napi_status status) {
  if (status != napi_ok) [[unlikely]]
    throw Pending{};
}

// Throws the failure in JavaScript. Where JavaScript will not run on nothing can be thrown, and nothing need be.
void throw_in_javascript(napi_env env, const Failure& failure);

// The same of the exception that is being handled, whatever it is.
void throw_current_in_javascript(napi_env env);

}  // namespace pagestore::binding
