// Checks what a header leaves to its caller. On in the builds that test (PAGESTORE_ASSERTIONS, which CMake defines for
// tests and for sanitizers), where a false condition prints itself and ends the process. Elsewhere it costs nothing:
// the condition is compiled and not evaluated.
//
// For preconditions of the core's own functions. Whatever can be wrong because of JavaScript or of the system is a
// Status.
#pragma once

#if defined(PAGESTORE_ASSERTIONS)

#include <cstdio>
#include <cstdlib>

namespace pagestore {

[[noreturn]] inline void assertion_failed(const char* file, int line, const char* condition) {
  fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
  abort();
}

}  // namespace pagestore

#define PS_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::pagestore::assertion_failed(__FILE__, __LINE__, #condition))

#else

#define PS_ASSERT(condition) static_cast<void>(sizeof((condition) ? 1 : 0))

#endif
