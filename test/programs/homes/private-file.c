/* The value is in a file that is mapped privately, and written by its descriptor. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "main.h"

static int file;
static const volatile char* value;

static void prepare(void) {
  char path[] = "/tmp/pagestore-private-XXXXXX";
  file = mkstemp(path);
  unlink(path);
  if (ftruncate(file, 4096) != 0) abort();
  value = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
}
static int get(void) {
  return value[1];
}
static void set(int wanted) {
  char byte = (char)wanted;
  if (pwrite(file, &byte, 1, 1) != 1) abort();
}
