/* 64 pages of sevens, four of them guards (MADV_GUARD_INSTALL): prints where, and waits. Exit code 77: there are none.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
  char* at = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(at, 7, 64 * 4096);
  if (madvise(at + 8 * 4096, 4 * 4096, 102) != 0) return 77;
  printf("%p\n", (void*)at);
  fflush(stdout);
  pause();
  return 0;
}
