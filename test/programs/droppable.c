/* Six pages: two of ordinary memory, two that the kernel may drop (MAP_DROPPABLE, which glibc 2.41 has for getrandom),
 * and two of ordinary memory, in one piece. At each choice all get another value. Exit code 77: there is no such
 * memory. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "pagestore.h"

char* place;

int main(void) {
  const int access = PROT_READ | PROT_WRITE, droppable = 0x08;
  place = mmap(NULL, 6 * 4096, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mmap(place + 2 * 4096, 2 * 4096, access, droppable | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) exit(77);
  for (char value = 1;; value++) {
    for (int page = 0; page < 6; page++) place[page * 4096] = value;
    ps_choose(1);
  }
}
