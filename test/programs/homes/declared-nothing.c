#include "main.h"

static int value;

static void prepare(void) {
  ps_state(&value, sizeof value);
  ps_state(NULL, 100);
}
static int get(void) {
  return value;
}
static void set(int wanted) {
  value = wanted;
}
