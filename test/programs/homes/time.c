/* A clock is asked at each step, and what it says is kept. */
#include "main.h"

static volatile int value;
static struct timespec now;

static void prepare(void) {}
static int get(void) {
  return value;
}
static void set(int wanted) {
  clock_gettime(CLOCK_MONOTONIC, &now);
  value = wanted;
}
