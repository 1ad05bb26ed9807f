/* Changes a file on one of two paths and asks for its status later, in the way that its first argument names. Its own
 * file is in the folder that its second argument names; nobody changes the one that its third argument names. */
#define _GNU_SOURCE
#include "pagestore.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *way, *parent, *old;
static char own[256];
static int file;

static int is(const char* name) {
  return strcmp(way, name) == 0;
}

static void check(int is_right) {
  if (!is_right) abort();
}

static void change(void) {
  static const char zeros[4096];
  if (is("blocks")) check(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 1 << 16) == 0);
  if (is("punched hole")) check(fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096) == 0);
  if (is("hole")) check(pwrite(file, zeros, sizeof zeros, 65536) == sizeof zeros);
  if (is("time of a cut")) check(ftruncate(file, 100) == 0);
  if (is("status of a descriptor") || is("status of a path") || is("status from a folder")) {
    check(write(file, "a", 1) == 1);
  }
  if (is("stream")) check(dprintf(file, "line\n") == 5);
}

static void ask(int is_changed) {
  struct stat status;
  struct statx more;
  if (is("hole")) ps_assert(is_changed || lseek(file, 0, SEEK_DATA) >= 0, "there is data");
  if (is("punched hole")) ps_assert(is_changed || lseek(file, 0, SEEK_HOLE) == 0, "there is a hole");
  if (is("blocks")) check(fstat(file, &status) == 0);
  if (is("blocks")) ps_assert(is_changed || status.st_blocks != 0, "there are blocks");
  if (is("status of a descriptor")) check(fstat(file, &status) == 0);
  if (is("status of a path")) check(lstat(own, &status) == 0);
  if (is("status from a folder")) {
    const int folder = open(parent, O_RDONLY | O_DIRECTORY);
    check(fstatat(folder, own + strlen(parent) + 1, &status, 0) == 0);
    close(folder);
  }
  if (strncmp(way, "status", 6) == 0) ps_assert(is_changed || status.st_mtim.tv_sec != 1000, "somebody wrote");
  if (is("time of a cut")) {
    check(statx(file, "", AT_EMPTY_PATH, STATX_MTIME, &more) == 0);
    ps_assert(is_changed || more.stx_mtime.tv_sec != 1000, "somebody wrote");
  }
  if (is("status of an old file")) {
    const int there = open(old, O_RDONLY);
    check(stat(old, &status) == 0 && fstat(there, &status) == 0);
    check(statx(AT_FDCWD, old, 0, STATX_MTIME, &more) == 0 && stat("/there is none", &status) != 0);
    check(lseek(there, 0, SEEK_DATA) == 0 && lseek(there, 0, SEEK_END) == 1);
    close(there);
  }
  /* The stream asks for what the file is before it reads, writes and seeks. */
  if (is("stream")) {
    FILE* stream = fdopen(dup(file), "r+");
    char line[10];
    rewind(stream);
    while (fgets(line, sizeof line, stream) != NULL) continue;
    check(fseek(stream, 0, SEEK_END) == 0 && ftell(stream) % 5 == 0 && fputs("more\n", stream) > 0);
    check(fclose(stream) == 0);
  }
}

int main(int argc, char** argv) {
  check(argc == 4);
  way = argv[1], parent = argv[2], old = argv[3];
  check(snprintf(own, sizeof own, "%s/own", parent) < (int)sizeof own);
  file = open(own, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (!is("status of a path") && !is("status from a folder")) unlink(own);
  check(file >= 0);
  if (is("hole") || is("punched hole")) check(ftruncate(file, 1 << 20) == 0);
  if (is("punched hole")) check(pwrite(file, own, sizeof own, 0) > 0);
  const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
  check(futimens(file, long_ago) == 0);
  const int first = ps_choose(2);
  if (first == 0) change();
  (void)ps_choose(1);
  ask(first == 0);
  return 0;
}
