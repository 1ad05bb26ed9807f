#include "binding/strings.h"

#include "binding/failure.h"

namespace pagestore::binding {

std::string get_string(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    fail(code::argument_type, "a string is expected");
  }
  std::string text(length, '\0');
  check(napi_get_value_string_utf8(env, value, text.data(), length + 1, nullptr));
  if (text.find('\0') != std::string::npos) {
    fail(code::argument_type, "a string with a NUL in it cannot be passed to a program");
  }
  return text;
}

StringList::StringList(napi_env env, napi_value array) {
  uint32_t count = 0;
  if (napi_get_array_length(env, array, &count) != napi_ok) {
    fail(code::argument_type, "an array of strings is expected");
  }
  for (uint32_t i = 0; i < count; ++i) {
    napi_value element;
    check(napi_get_element(env, array, i, &element));
    strings_.push_back(get_string(env, element));
  }
  // Only now they do not move any more.
  for (std::string& text : strings_) pointers_.push_back(text.data());
  pointers_.push_back(nullptr);
}

}  // namespace pagestore::binding
