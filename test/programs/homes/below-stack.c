/* In a page that is mapped right below the first stack. */
#include "below-stack.h"

static void prepare(void) {
  map_below_stack(0);
}
