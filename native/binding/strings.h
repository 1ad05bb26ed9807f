// JavaScript's strings as C has them: for the file, arguments and environment of a program.
//
// They are copies in UTF-8, which live as long as the objects here. What is no string, or has a NUL in it, is a
// Failure.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

namespace pagestore::binding {

// A string without a NUL in it; else it throws.
std::string get_string(napi_env env, napi_value value);

// An array of such strings.
class StringList {
 public:
  StringList(napi_env env, napi_value array);

  // Ends with a null pointer.
  char* const* data() { return pointers_.data(); }

 private:
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

}  // namespace pagestore::binding
