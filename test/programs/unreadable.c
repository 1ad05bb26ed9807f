// Lets nobody read it from its start on, as agents do that keep secrets: three choices, and memory that two of them
// map.
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/prctl.h>

#include "pagestore.h"

int main(void) {
  prctl(PR_SET_DUMPABLE, 0);
  char* memory = 0;
  if (ps_choose(2) == 1) {
    memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *memory = (char)(1 + ps_choose(2));
  }
  (void)ps_choose(1);
  ps_assert(memory == 0 || *memory > 0, "as it was");
  return 0;
}
