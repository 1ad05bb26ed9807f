/* The value is in memory that not even the kernel sees (memfd_secret). */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "lacks.h"
#include "main.h"

static volatile int* value;

static void prepare(void) {
  const long kMemfdSecret = 447;
  int file = (int)syscall(kMemfdSecret, 0);
  if (file < 0 || ftruncate(file, 4096) != 0) lacks("memory for memfd_secret");
  value = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (value == MAP_FAILED) lacks("memory for memfd_secret");
#ifdef DECLARED
  ps_state((void*)value, 4096);
#endif
}
static int get(void) {
  return value[0];
}
static void set(int wanted) {
  value[0] = wanted;
}
