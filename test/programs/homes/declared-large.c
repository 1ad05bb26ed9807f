/* Declared, with all that follows up to the end of all memory. */
#include "main.h"

static volatile int value;

static void prepare(void) {
  ps_state((const void*)&value, (size_t)1 << 46);
}
static int get(void) {
  return value;
}
static void set(int wanted) {
  value = wanted;
}
