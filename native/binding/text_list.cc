#include "binding/text_list.h"

#include <cerrno>
#include <cstring>

#include "binding/errors.h"

namespace pagestore::binding {

namespace {

// Appends the string and its end.
bool append_text(napi_env env, napi_value value, GrowingArray<char>* text) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    throw_error(env, code::argument_type, "a string is expected");
    return false;
  }
  const size_t start = text->size();
  if (!text->resize(start + length + 1)) {
    throw_failure(env, Status::out_of_memory("realloc", start + length + 1, ENOMEM));
    return false;
  }
  napi_get_value_string_utf8(env, value, text->data() + start, length + 1, nullptr);
  if (strlen(text->data() + start) == length) return true;
  throw_error(env, code::argument_type, "a string with a NUL in it cannot be passed to a program");
  return false;
}

}  // namespace

bool TextList::read(napi_env env, napi_value array) {
  uint32_t count = 0;
  if (napi_get_array_length(env, array, &count) != napi_ok) {
    throw_error(env, code::argument_type, "an array of strings is expected");
    return false;
  }
  GrowingArray<size_t> starts;
  for (uint32_t i = 0; i < count; ++i) {
    napi_value element;
    if (!starts.append(text_.size()) || !pointers_.reserve(count + 1)) {
      throw_failure(env, Status::out_of_memory("realloc", (count + 1) * sizeof(char*), ENOMEM));
      return false;
    }
    if (napi_get_element(env, array, i, &element) != napi_ok || !append_text(env, element, &text_)) return false;
  }
  if (!pointers_.reserve(count + 1)) {
    throw_failure(env, Status::out_of_memory("realloc", sizeof(char*), ENOMEM));
    return false;
  }
  // Only now nothing moves any more.
  for (const size_t start : starts) static_cast<void>(pointers_.append(text_.data() + start));
  static_cast<void>(pointers_.append(nullptr));
  return true;
}

bool get_text(napi_env env, napi_value value, GrowingArray<char>* text) {
  return append_text(env, value, text);
}

}  // namespace pagestore::binding
