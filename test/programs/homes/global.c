#include "main.h"

static volatile int value;

static void prepare(void) {}
static int get(void) {
  return value;
}
static void set(int wanted) {
  value = wanted;
}
