/* How many descriptors are open is the value. */
#include <fcntl.h>

#include "main.h"

static void prepare(void) {}
static int get(void) {
  int open_ones = 0;
  while (fcntl(100 + open_ones, F_GETFD) >= 0) open_ones++;
  return open_ones;
}
static void set(int wanted) {
  for (int i = 0; i < 4; i++) close(100 + i);
  for (int i = 0; i < wanted; i++) {
    int file = open("/dev/null", O_RDONLY);
    dup2(file, 100 + i);
    close(file);
  }
}
