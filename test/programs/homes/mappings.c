/* How many pages are mapped is the value. */
#include <sys/mman.h>

#include "main.h"

static char* start;

static void prepare(void) {
  start = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static int get(void) {
  int mapped = 0;
  while (msync(start + mapped * 4096, 4096, MS_ASYNC) == 0) mapped++;
  return mapped;
}
static void set(int wanted) {
  munmap(start, 65536);
  if (wanted > 0) mmap(start, (size_t)wanted * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}
