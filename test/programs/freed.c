/* Either gives its pages up (MADV_FREE), or has the kernel take away what it may, and says whether all is there. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "pagestore.h"

int main(void) {
  const size_t bytes = 64 * 4096;
  char* at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(at, 7, bytes);
  if (ps_choose(2) == 0) {
    madvise(at, bytes, MADV_FREE);
    ps_choose(1);
    return 0;
  }
  madvise(at, bytes, 21 /* MADV_PAGEOUT */);
  for (size_t i = 0; i < bytes; i += 4096)
    if (at[i] != 7) return 3;
  return 0;
}
