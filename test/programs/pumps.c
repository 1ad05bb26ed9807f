// Passes bytes on for ever, in the way that its first argument names; with a second one only on one of two paths.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pagestore.h"

static int is(const char* a, const char* b) {
  return strcmp(a, b) == 0;
}

static void open_ends(const char* kind, const char* path, int ends[2]) {
  int status = 0;
  if (is(kind, "pipe")) status = pipe(ends);
  if (is(kind, "socket")) status = socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  if (is(kind, "fifo")) {
    status = mkfifo(path, 0600);
    ends[0] = ends[1] = open(path, O_RDWR);
  }
  if (is(kind, "file")) {
    ends[1] = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ends[0] = open(path, O_RDONLY);
  }
  if (status != 0 || ends[1] < 0) abort();
}

int main(int argc, char** argv) {
  int ends[2];
  open_ends(argv[1], argv[2], ends);
  for (;;) {
    char byte = 1;
    const int chosen = ps_choose(2);
    if (argc > 3 && chosen == 0) continue;
    if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) abort();
  }
}
