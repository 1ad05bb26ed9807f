#include <fcntl.h>

#include "main.h"

static int file;

static void prepare(void) {
  file = open("/proc/self/exe", O_RDONLY);
}
static int get(void) {
  return (int)lseek(file, 0, SEEK_CUR);
}
static void set(int wanted) {
  lseek(file, wanted, SEEK_SET);
}
