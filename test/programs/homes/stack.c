/* In the frame of `main`. */
#include "home.h"

static volatile int* value;

static void prepare(void) {}
static int get(void) {
  return *value;
}
static void set(int wanted) {
  *value = wanted;
}

int main(void) {
  volatile int local = 0;
  value = &local;
  prepare();
  set(0);
  run();
  return 0;
}
