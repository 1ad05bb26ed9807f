/* How many pages fault when they are touched (MADV_GUARD_INSTALL) is the value. No list of mappings shows it. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "main.h"

static char* start;
static int zeroes;

static void prepare(void) {
  start = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  zeroes = open("/dev/zero", O_RDONLY);
}
static int get(void) {
  int guards = 0;
  while (pread(zeroes, start + guards * 4096, 1, 0) < 0) guards++;
  errno = 0;
  return guards;
}
static void set(int wanted) {
  madvise(start, 16384, 103);
  for (int page = wanted; page < 4; page++) start[page * 4096 + 100] = 7;
  if (wanted > 0) madvise(start, (size_t)wanted * 4096, 102);
}
