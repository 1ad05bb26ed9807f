/* The value is in a memfd that is mapped shared, to be written, and privately, to be read. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "main.h"

static volatile char* written;
static const volatile char* value;

static void prepare(void) {
  int file = memfd_create("home", 0);
  if (ftruncate(file, 4096) != 0) abort();
  written = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  value = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
}
static int get(void) {
  return value[1];
}
static void set(int wanted) {
  written[1] = (char)wanted;
}
