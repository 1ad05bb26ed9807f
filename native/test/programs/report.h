/* What the programs of these tests have in common: a value reported to the test, and comparisons. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "pagestore.h"

/* A failed assertion, whose text is the value. */
#define report(value) ps_fail_at((const char*)(uintptr_t)(value), __FILE__, __LINE__)

static inline int is(const char* argument, const char* name) {
  return strcmp(argument, name) == 0;
}
