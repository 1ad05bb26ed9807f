/* Data that is not in the file, and a heap that begins right behind it. */
#include "main.h"

static volatile int values[300000];

static void prepare(void) {}
static int get(void) {
  return values[299999];
}
static void set(int wanted) {
  values[299999] = wanted;
  if (wanted == 1) free(malloc(60000));
}
