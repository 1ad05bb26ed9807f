// An array of JavaScript strings as C has it: for the arguments and the environment of a program.
#pragma once

#include <node_api.h>

#include "system/growing_array.h"

namespace pagestore::binding {

class TextList {
 public:
  // False with an exception pending: not an array of strings, a string with a NUL in it, or no memory.
  bool read(napi_env env, napi_value array);

  // Ends with a null pointer.
  char* const* data() { return pointers_.data(); }

 private:
  GrowingArray<char> text_;
  GrowingArray<char*> pointers_;
};

// One string. False with an exception pending, as above.
bool get_text(napi_env env, napi_value value, GrowingArray<char>* text);

}  // namespace pagestore::binding
