/* The value is in a memfd that is mapped to be read alone, by a descriptor that may only read; it is written by another
 * one. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "main.h"

static int file;
static const volatile char* value;

static void prepare(void) {
  char path[64];
  file = memfd_create("value", 0);
  if (ftruncate(file, 65536) != 0) abort();
  snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
  int reading = open(path, O_RDONLY);
  value = mmap(NULL, 65536, PROT_READ, MAP_SHARED, reading, 0);
  close(reading);
}
static int get(void) {
  return value[5000];
}
static void set(int wanted) {
  char byte = (char)wanted;
  if (pwrite(file, &byte, 1, 5000) != 1) abort();
}
