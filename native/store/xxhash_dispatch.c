// xxHash's own choice of vector instructions at run time, compiled here because it comes as a
// source file.
#if defined(__x86_64__)
#include "xxh_x86dispatch.c"
#else
typedef int nothing_to_choose;
#endif
