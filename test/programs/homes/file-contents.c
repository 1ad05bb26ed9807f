/* The last byte of a file is the value. */
#define _GNU_SOURCE
#include <fcntl.h>

#include "main.h"

static int file;

static void prepare(void) {
  file = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND, 0600);
}
static int get(void) {
  char last;
  off_t length = lseek(file, 0, SEEK_END);
  return length > 0 && pread(file, &last, 1, length - 1) == 1 ? last - '0' : 0;
}
static void set(int wanted) {
  char byte = (char)('0' + wanted);
  if (get() != wanted && write(file, &byte, 1) != 1) abort();
}
