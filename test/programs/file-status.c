/* Changes a file on one of two paths and asks for its status later, in the way that its first argument names. Its own
 * file is in the folder that its second argument names; nobody changes the one that its third argument names. The
 * fourth names a folder, or a link, that was there before. */
#define _GNU_SOURCE
#include "pagestore.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *way, *parent, *old, *entry;
static char own[256];
static int file;

static int is(const char* name) {
  return strcmp(way, name) == 0;
}

static void check(int is_right) {
  if (!is_right) abort();
}

static int is_status(void) {
  return strncmp(way, "status", 6) == 0 && !is("status of an old file");
}

static void read_folder(void) {
  DIR* const folder = opendir(entry);
  check(folder != NULL);
  while (readdir(folder) != NULL) continue;
  closedir(folder);
}

static void change(void) {
  static const char zeros[4096];
  if (is("blocks")) check(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 1 << 16) == 0);
  if (is("punched hole")) check(fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096) == 0);
  if (is("hole")) check(pwrite(file, zeros, sizeof zeros, 65536) == sizeof zeros);
  if (is("time of a cut")) check(ftruncate(file, 100) == 0);
  if (is_status() || is("capability") || is("attributes")) check(write(file, "a", 1) == 1);
  if (is("folder") || is("streams of folders")) read_folder();
  if (is("link")) close(open(entry, O_RDONLY));
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
  if (is("status of a path") || is("status of a path in another encoding")) check(lstat(own, &status) == 0);
  if (is("status from a folder")) {
    const int folder = open(parent, O_RDONLY | O_DIRECTORY);
    check(fstatat(folder, own + strlen(parent) + 1, &status, 0) == 0);
    close(folder);
  }
  if (is_status()) ps_assert(is_changed || status.st_mtim.tv_sec != 1000, "somebody wrote");
  if (is("capability")) {
    ps_assert(is_changed || fgetxattr(file, "security.capability", NULL, 0) > 0, "somebody took its capability");
  }
  if (is("attributes")) check(listxattr(own, NULL, 0) >= 0);
  if (is("folder")) check(stat(entry, &status) == 0);
  if (is("streams of folders")) read_folder(), read_folder();
  if (is("link")) check(lstat(entry, &status) == 0);
  if (is("folder") || is("link")) ps_assert(is_changed || status.st_atim.tv_sec == 1000, "somebody read it");
  if (is("time of a cut")) {
    check(statx(file, "", AT_EMPTY_PATH, STATX_MTIME, &more) == 0);
    ps_assert(is_changed || more.stx_mtime.tv_sec != 1000, "somebody wrote");
  }
  if (is("status of an old file")) {
    const int there = open(old, O_RDONLY);
    check(stat(old, &status) == 0 && fstat(there, &status) == 0);
    check(statx(AT_FDCWD, old, 0, STATX_MTIME, &more) == 0 && stat("/there is none", &status) != 0);
    check(listxattr(old, NULL, 0) >= 0 && flistxattr(there, NULL, 0) >= 0);
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
  check(argc == 5);
  way = argv[1], parent = argv[2], old = argv[3], entry = argv[4];
  const char* const name = is("status of a path in another encoding") ? "own\xe9" : "own";
  check(snprintf(own, sizeof own, "%s/%s", parent, name) < (int)sizeof own);
  file = open(own, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (!is_status() && !is("attributes")) unlink(own);
  check(file >= 0);
  /* All that CAP_NET_RAW takes, as linux/capability.h has it; who may not set it goes without. */
  const unsigned capability[5] = {0x2000001, 1 << 13};
  if (is("capability") && fsetxattr(file, "security.capability", capability, sizeof capability, 0) != 0) return 77;
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
