// Memory beside what a program needs, touched before it begins: BALLAST megabytes.
#include <stddef.h>

static unsigned char ballast[(size_t)BALLAST << 20];

__attribute__((constructor)) static void touch(void) {
  for (size_t i = 0; i < sizeof ballast; i += 64) ballast[i] = (unsigned char)(i >> 12 | 1);
}
