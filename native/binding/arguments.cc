#include "binding/arguments.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <new>

#include "binding/addon.h"
#include "binding/errors.h"

namespace pagestore::binding {

namespace {

struct View {
  void* data;
  size_t length;
};

// True for a view of no bytes whose buffer was detached, or has shrunk so that the view lies
// outside. A view alone does not tell: only the methods of a typed array look behind its length,
// and throw if there is nothing.
bool is_out_of_bounds(napi_env env, napi_value view) {
  const napi_value at = Addon::of(env).typed_array_at();
  if (at == nullptr || napi_call_function(env, view, at, 0, nullptr, nullptr) != napi_pending_exception) {
    return false;
  }
  napi_value exception;
  napi_get_and_clear_last_exception(env, &exception);
  return true;
}

bool get_view(napi_env env, napi_value value, napi_typedarray_type type, const char* expected, View* view) {
  napi_typedarray_type actual;
  if (napi_get_typedarray_info(env, value, &actual, &view->length, &view->data, nullptr, nullptr) != napi_ok ||
      actual != type) {
    throw_error(env, code::argument_type, expected);
    return false;
  }
  if (view->length == 0 && is_out_of_bounds(env, value)) {
    throw_error(env, code::buffer_detached, "the array's buffer was transferred, or has shrunk beneath it");
    return false;
  }
  return true;
}

}  // namespace

Handle get_handle(napi_env env, napi_value value) {
  double number = -1;
  napi_get_value_double(env, value, &number);
  return Handle(number);
}

SharedStore* get_store(napi_env env, Addon* addon, napi_value handle) {
  SharedStore* store = addon->store(get_handle(env, handle));
  if (store == nullptr) throw_failure(env, Status::closed());
  return store;
}

HeldMemory* get_memory(napi_env env, Addon* addon, napi_value handle) {
  HeldMemory* memory = addon->memory(get_handle(env, handle));
  if (memory == nullptr) throw_error(env, code::memory_closed, "the memory is closed, or its store is");
  return memory;
}

HeldSnapshot* get_snapshot(napi_env env, Addon* addon, napi_value handle) {
  HeldSnapshot* snapshot = get_key_holder(env, addon, handle);
  if (snapshot == nullptr || !snapshot->snapshot.is_key_alone) return snapshot;
  throw_error(env, code::snapshot_released, "of the snapshot only the key was kept");
  return nullptr;
}

HeldSnapshot* get_key_holder(napi_env env, Addon* addon, napi_value handle) {
  HeldSnapshot* snapshot = addon->snapshot(get_handle(env, handle));
  if (snapshot == nullptr) throw_error(env, code::snapshot_released, "the snapshot was released, or its store closed");
  return snapshot;
}

bool get_range(napi_env env, napi_value address, napi_value length, AddressRange* range) {
  uint64_t start;
  bool is_exact = false;
  double bytes;
  if (napi_get_value_bigint_uint64(env, address, &start, &is_exact) != napi_ok ||
      napi_get_value_double(env, length, &bytes) != napi_ok) {
    throw_error(env, code::argument_type, "a range must be a bigint, its address, and a number, its length");
    return false;
  }
  constexpr double kMost = 9007199254740992;  // 2^53
  char message[120];
  if (!is_exact) {
    throw_error(env, code::address, "the address is negative or has more than 64 bits");
    return false;
  }
  if (!(bytes >= 1 && bytes < kMost && std::trunc(bytes) == bytes)) {
    snprintf(message, sizeof(message), "%.17g is no length: a whole number of bytes, at least 1", bytes);
    throw_error(env, code::address, message);
    return false;
  }
  const Status status = range_of(start, static_cast<uint64_t>(bytes), range);
  if (!status.is_ok()) throw_failure(env, status);
  return status.is_ok();
}

bool get_pid(napi_env env, napi_value value, pid_t* pid) {
  double given;
  if (napi_get_value_double(env, value, &given) == napi_ok && given >= 1 && given <= INT32_MAX) {
    *pid = static_cast<pid_t>(given);
    if (*pid == given) return true;
  }
  throw_error(env, code::argument_type, "a pid must be a positive integer");
  return false;
}

bool get_page_number(napi_env env, napi_value value, uint32_t* number) {
  double given;
  if (napi_get_value_double(env, value, &given) != napi_ok) {
    throw_error(env, code::argument_type, "a page number must be a number");
    return false;
  }
  if (given >= 0 && given <= UINT32_MAX) {
    *number = static_cast<uint32_t>(given);
    if (*number == given) return true;
  }
  char message[80];
  snprintf(message, sizeof(message), "%.17g is no page number: an unsigned 32-bit integer", given);
  throw_error(env, code::page_number, message);
  return false;
}

bool get_page_count(napi_env env, napi_value value, const char* name, size_t most, size_t otherwise, size_t* count) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  if (type == napi_undefined) {
    *count = otherwise;
    return true;
  }
  char message[120];
  double given;
  if (napi_get_value_double(env, value, &given) != napi_ok) {
    snprintf(message, sizeof(message), "%s must be a number of pages", name);
    throw_error(env, code::argument_type, message);
    return false;
  }
  if (given >= 1 && given <= static_cast<double>(most) && std::trunc(given) == given) {
    *count = static_cast<size_t>(given);
    return true;
  }
  snprintf(message, sizeof(message), "%s is %.17g: must be a whole number of pages from 1 to %zu", name, given, most);
  throw_error(env, code::capacity, message);
  return false;
}

bool get_bytes(napi_env env, napi_value value, Bytes* bytes) {
  View view;
  if (!get_view(env, value, napi_uint8_array, "pages must be a Uint8Array", &view)) return false;
  bytes->data = static_cast<const std::byte*>(view.data);
  bytes->length = view.length;
  return true;
}

bool get_transfer(napi_env env, napi_value address, napi_value array, AddressRange* range,
                  std::span<std::byte>* bytes) {
  Bytes found;
  napi_value length;
  if (!get_bytes(env, array, &found) ||
      napi_create_double(env, static_cast<double>(found.length), &length) != napi_ok ||
      !get_range(env, address, length, range)) {
    return false;
  }
  *bytes = {const_cast<std::byte*>(found.data), found.length};
  return true;
}

bool is_shared(napi_env env, napi_value view) {
  napi_value buffer;
  bool plain = false;
  return napi_get_typedarray_info(env, view, nullptr, nullptr, nullptr, &buffer, nullptr) == napi_ok &&
         napi_is_arraybuffer(env, buffer, &plain) == napi_ok && !plain;
}

bool get_numbers(napi_env env, napi_value value, Numbers* numbers) {
  View view;
  if (!get_view(env, value, napi_uint32_array, "page numbers must be a Uint32Array", &view)) return false;
  numbers->data = static_cast<PageNumber*>(view.data);
  numbers->count = view.length;
  return true;
}

bool PageNumbers::read(napi_env env, napi_value value) {
  View view;
  if (!get_view(env, value, napi_uint32_array, "page numbers must be a Uint32Array", &view)) {
    return false;
  }
  count_ = view.length;
  PageNumber* copy = few_;
  if (count_ > std::size(few_)) {
    many_.reset(new (std::nothrow) PageNumber[count_]);
    copy = many_.get();
  }
  if (copy == nullptr) {
    throw_failure(env, Status::out_of_memory("copying page numbers", count_ * sizeof(PageNumber), ENOMEM));
    return false;
  }
  if (count_ > 0) memcpy(copy, view.data, count_ * sizeof(PageNumber));
  data_ = copy;
  return true;
}

}  // namespace pagestore::binding
