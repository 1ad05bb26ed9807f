/* The value is how many of two files were written since they were given an old time: what is in them stays the same. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main.h"

enum { kFiles = 2 };
static int files[kFiles];

static void prepare(void) {
  const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
  for (int i = 0; i < kFiles; ++i) {
    files[i] = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    if (write(files[i], "a", 1) != 1 || futimens(files[i], long_ago) != 0) abort();
  }
}
static int get(void) {
  int written = 0;
  for (int i = 0; i < kFiles; ++i) {
    struct statx status;
    if (statx(files[i], "", AT_EMPTY_PATH, STATX_MTIME, &status) != 0) abort();
    written += status.stx_mtime.tv_sec != 1000;
  }
  return written;
}
static void set(int wanted) {
  for (int i = 0; i < wanted; ++i) {
    if (pwrite(files[i], "b", 1, 1) != 1 || ftruncate(files[i], 1) != 0) abort();
  }
}
