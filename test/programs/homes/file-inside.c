/* A byte of a file that was there before the first choice is the value. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "main.h"

static int file;

static void prepare(void) {
  char path[] = "/tmp/pagestore-inside-XXXXXX";
  file = mkstemp(path);
}
static int get(void) {
  char byte;
  return pread(file, &byte, 1, 0) == 1 ? byte - '0' : 0;
}
static void set(int wanted) {
  char byte = (char)('0' + wanted);
  if (pwrite(file, &byte, 1, 0) != 1) abort();
}
