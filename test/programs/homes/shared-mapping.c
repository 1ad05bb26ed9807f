#include <sys/mman.h>

#include "main.h"

static volatile int* value;

static void prepare(void) {
  value = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}
static int get(void) {
  return value[5000];
}
static void set(int wanted) {
  value[5000] = wanted;
}
