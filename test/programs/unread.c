/* Memory that nobody may read, with pages: what is done to it between choices.
 *   protected   it is made writable, written, and protected again
 *   by file     it is written through /proc/self/mem
 *   read        it is made readable, and what is there is said by the exit code
 *   dropped     its pages are dropped
 * Then how many MiB of it there are. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagestore.h"

char* place;

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const size_t bytes = strtoul(argv[2], NULL, 10) << 20;
  const int access = PROT_READ | PROT_WRITE;
  place = mmap(NULL, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (size_t i = 0; i < bytes; i += 8 * 4096) place[i] = 1;
  mprotect(place, bytes, PROT_NONE);
  char* middle = place + bytes / 2;
  int memory = open("/proc/self/mem", O_RDWR);
  for (int step = 2;; step++) {
    const int way = ps_choose(4);
    const char value = (char)step;
    if (way == 0) {
      mprotect(middle, 4096, access);
      *middle = value;
      mprotect(middle, 4096, PROT_NONE);
    } else if (way == 1) {
      if (pwrite(memory, &value, 1, (off_t)(middle + 4096)) != 1) return 1;
    } else if (way == 2) {
      mprotect(place, bytes, PROT_READ);
      return *middle * 10 + middle[4096];
    } else {
      madvise(middle, 4096, MADV_DONTNEED);
    }
  }
}
