/* Shared memory without a name that is mapped twice. By the choice: a value is written by the one place, seen by the
 * other; the second place is unmapped. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "pagestore.h"

int main(void) {
  const size_t bytes = 8 * 4096;
  volatile char* one = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  volatile char* other = mremap((void*)one, 0, bytes, MREMAP_MAYMOVE);
  if (one == MAP_FAILED || other == MAP_FAILED) return 1;
  for (int value = 1;; value++) {
    const int way = ps_choose(3);
    if (way == 0) one[4096] = (char)value;
    if (way == 1) munmap((void*)other, bytes);
    if (way == 2) return one[4096] * 10 + other[4096];
  }
}
