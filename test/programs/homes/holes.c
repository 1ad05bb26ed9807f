/* The value is how many pages of a file are no hole: all of them are zero. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "main.h"

enum { kPages = 2, kApart = 1 << 16 };
static int file;

static void prepare(void) {
  file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
  if (ftruncate(file, kPages * kApart) != 0) abort();
}
static int get(void) {
  int pages = 0;
  for (int i = 0; i < kPages; ++i) pages += lseek(file, i * kApart, SEEK_DATA) == i * kApart;
  return lseek(file, 0, SEEK_SET) == 0 ? pages : -1;
}
static void set(int wanted) {
  for (int i = 0; i < wanted; ++i) {
    if (pwrite(file, "", 1, i * kApart) != 1) abort();
  }
}
