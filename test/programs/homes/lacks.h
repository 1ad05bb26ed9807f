/* For homes that not every machine has. */
#ifndef LACKS_H
#define LACKS_H

#include <stdio.h>
#include <stdlib.h>

/* Says what this machine lacks, and ends with a code that the test knows. */
static inline void lacks(const char* what) {
  fprintf(stderr, "this machine has no %s\n", what);
  exit(77);
}

#endif
