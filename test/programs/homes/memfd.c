#define _GNU_SOURCE
#include <sys/mman.h>

#include "main.h"

static volatile int* value;

static void prepare(void) {
  int file = memfd_create("home", 0);
  if (ftruncate(file, 8192) != 0) exit(9);
  value = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ps_state((void*)value, 8192);
}
static int get(void) {
  return value[1500];
}
static void set(int wanted) {
  value[1500] = wanted;
}
