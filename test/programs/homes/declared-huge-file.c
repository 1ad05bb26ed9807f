/* The same, declared. */
#define DECLARED
#include "huge-file.c"
