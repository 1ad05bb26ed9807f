/* Declared, and then unmapped when it becomes 1. */
#include <sys/mman.h>

#include "main.h"

static volatile int* value;

static void prepare(void) {
  value = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ps_state((const void*)value, sizeof *value);
}
static int get(void) {
  return value == NULL ? 1 : *value;
}
static void set(int wanted) {
  if (wanted == 1 && value != NULL) {
    munmap((void*)value, 4096);
    value = NULL;
  }
}
