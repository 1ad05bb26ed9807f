/* Maps a file of so many MiB that has nothing but holes, and one page in the middle: `private`, `shared`, `closed`
 * (shared, to be read alone) or `nameless` (shared memory without a file). Then it writes to the page behind, by a
 * choice; or, with one argument more, prints where it is and waits. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagestore.h"

char* place;

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const char* how = argv[1];
  const size_t bytes = strtoul(argv[2], NULL, 10) << 20;
  const int file = strcmp(argv[3], "memfd") == 0 ? memfd_create("holes", 0) : open(argv[3], O_RDWR | O_CREAT, 0600);
  if (ftruncate(file, (off_t)bytes) != 0 || pwrite(file, "x", 1, (off_t)(bytes / 2)) != 1) return 1;
  const int access = strcmp(how, "closed") == 0 ? PROT_READ : PROT_READ | PROT_WRITE;
  int flags = strcmp(how, "private") == 0 ? MAP_PRIVATE : MAP_SHARED;
  const int is_nameless = strcmp(how, "nameless") == 0;
  if (is_nameless) flags |= MAP_ANONYMOUS;
  place = mmap(NULL, bytes, access, flags | MAP_NORESERVE, is_nameless ? -1 : file, 0);
  if (is_nameless) place[bytes / 2] = 'x';
  if (argc > 4) {
    printf("%p\n", (void*)place);
    fflush(stdout);
    pause();
  }
  for (char value = 'a';; value++) {
    if (ps_choose(2) == 1) return place[bytes / 2 + 4096];
    if (access == PROT_READ) {
      if (pwrite(file, &value, 1, (off_t)(bytes / 2 + 4096)) != 1) return 1;
    } else {
      place[bytes / 2 + 4096] = value;
    }
  }
}
