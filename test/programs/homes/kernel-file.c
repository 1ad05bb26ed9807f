/* The name of the program, by a file of the kernel that is open, is the value. */
#include <fcntl.h>

#include "main.h"

static int file;

static void prepare(void) {
  file = open("/proc/self/comm", O_RDWR);
  if (write(file, "0", 1) != 1) abort();
}
static int get(void) {
  char byte;
  return pread(file, &byte, 1, 0) == 1 ? byte - '0' : 0;
}
static void set(int wanted) {
  char byte = (char)('0' + wanted);
  if (write(file, &byte, 1) != 1) abort();
}
