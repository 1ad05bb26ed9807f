/* The program's break is the value. */
#include "main.h"

static char* start;

static void prepare(void) {
  start = sbrk(0);
}
static int get(void) {
  return (int)(((char*)sbrk(0) - start) / 65536);
}
static void set(int wanted) {
  if (brk(start + wanted * 65536) != 0) abort();
}
