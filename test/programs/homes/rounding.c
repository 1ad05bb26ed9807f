/* How the processor rounds, on x86-64 in MXCSR and in the x87's control word. */
#include <fenv.h>

#include "main.h"

static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD};

static void prepare(void) {}
static int get(void) {
  int value = 0;
  while (modes[value] != fegetround()) value++;
  return value;
}
static void set(int wanted) {
  fesetround(modes[wanted]);
}
