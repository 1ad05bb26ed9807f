#include "main.h"

static _Thread_local volatile int value;

static void prepare(void) {}
static int get(void) {
  return value;
}
static void set(int wanted) {
  value = wanted;
}
