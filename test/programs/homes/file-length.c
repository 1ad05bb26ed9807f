/* How far a file reaches that had something in it is the value; it is cut to the length that it has, too. */
#define _GNU_SOURCE
#include <fcntl.h>

#include "main.h"

enum { kBefore = 3 };
static int file;

static void prepare(void) {
#ifdef NAME
  file = open(NAME, O_CREAT | O_TRUNC | O_RDWR, 0600);
#else
  file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
#endif
  if (write(file, "abc", kBefore) != kBefore) abort();
}
static int get(void) {
  int length = (int)lseek(file, 0, SEEK_END);
  lseek(file, 0, SEEK_SET);
  return length - kBefore;
}
static void set(int wanted) {
  if (ftruncate(file, kBefore + wanted) != 0) abort();
}
