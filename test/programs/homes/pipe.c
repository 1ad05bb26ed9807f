/* How many bytes wait in a pipe is the value. */
#include <sys/ioctl.h>

#include "main.h"

static int ends[2];

static void prepare(void) {
  if (pipe(ends) != 0) abort();
}
static int get(void) {
  int waiting;
  ioctl(ends[0], FIONREAD, &waiting);
  return waiting;
}
static void set(int wanted) {
  char byte = 0;
  while (get() < wanted) {
    if (write(ends[1], &byte, 1) != 1) abort();
  }
}
