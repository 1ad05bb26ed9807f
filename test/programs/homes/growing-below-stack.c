/* In a page that grows down as the stack does, and is mapped right below it: the kernel makes one mapping of both. */
#include "below-stack.h"

static void prepare(void) {
  map_below_stack(MAP_GROWSDOWN);
}
