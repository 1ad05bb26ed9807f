/* A program whose whole state is one value from 0 to 2, kept in a home: memory, a register, the kernel. The file that
 * includes this says where, by `get`, `set` and `prepare`. A step leaves the value or adds 1, and 3 is a failure.
 *
 * If the home rolls back and counts, a search finds three states, and the failure after three choices. */
#ifndef HOME_H
#define HOME_H

#include "pagestore.h"

static void prepare(void);
static int get(void);
static void set(int value);

/* Out of line, so that no register that outlives a step has the choice or the value. */
__attribute__((noinline)) static void step(int choice) {
  int value = get() + choice;
  ps_assert(value != 3, "three");
  set(value);
}

__attribute__((noinline)) static void run(void) {
  for (;;) step(ps_choose(2));
}

#endif
