/* Memory that the kernel may drop by itself (MAP_DROPPABLE), which refuses to be tracked. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "lacks.h"
#include "main.h"

static int* value;

static void prepare(void) {
  value = mmap(NULL, 16384, PROT_READ | PROT_WRITE, 0x08 | MAP_ANONYMOUS, -1, 0);
  if (value == MAP_FAILED) lacks("MAP_DROPPABLE");
}
static int get(void) {
  return value[1000];
}
static void set(int wanted) {
  value[1000] = wanted;
}
