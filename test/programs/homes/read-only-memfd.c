/* The value is in a memfd that is mapped twice: to be read, at a lower address, and to be written. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "main.h"

static const volatile int* to_read;
static volatile int* to_write;

static void prepare(void) {
  int file = memfd_create("value", 0);
  if (ftruncate(file, 65536) != 0) abort();
  char* room = mmap(NULL, 1 << 18, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  to_read = mmap(room, 65536, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
  to_write = mmap(room + (1 << 17), 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
  close(file);
}
static int get(void) {
  return to_read[5000];
}
static void set(int wanted) {
  to_write[5000] = wanted;
}
