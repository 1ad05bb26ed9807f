/* The same, declared. */
#define DECLARED
#include "secret-memory.c"
