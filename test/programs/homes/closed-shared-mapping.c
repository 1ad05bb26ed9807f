/* The value is in shared memory that nobody may read or write, but for the moments in which it is used. */
#include <sys/mman.h>

#include "main.h"

static volatile int* value;

static void prepare(void) {
  value = mmap(NULL, 65536, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}
static void protect(int protection) {
  if (mprotect((void*)value, 65536, protection) != 0) abort();
}
static int get(void) {
  protect(PROT_READ);
  int found = value[5000];
  protect(PROT_NONE);
  return found;
}
static void set(int wanted) {
  protect(PROT_READ | PROT_WRITE);
  value[5000] = wanted;
  protect(PROT_NONE);
}
