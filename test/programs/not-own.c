// Opens a file that was there before, or makes a folder next to one, so that a path seems to say otherwise. Takes how,
// the folder, and what is written to the file, or the file that paths are in; cuts the file if there is one more
// argument.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pagestore.h"

static const char* how;
static const char* text;
static int cuts;

static int is(const char* name) {
  return strcmp(how, name) == 0;
}

// A path that is absolute for whoever does not ask where the root directory is.
static int open_in_root(uint64_t resolve, const char* path) {
  const int folder = open(".", O_PATH | O_DIRECTORY);
  struct open_how how = {O_CREAT | O_RDWR | cuts, 0600, resolve};
  const int file = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
  close(folder);
  return file;
}

// A descriptor that nobody else has a number for: before the first choice, so that nothing is known of the file.
static void prepare_own_link(void) {
  const int file = open("theirs", O_RDONLY);
  if (dup2(file, 900) < 0) abort();
  close(file);
}
static int open_own_link(void) {
  return open("/proc/./self/fd/900", O_CREAT | O_RDWR | cuts, 0600);
}

static void write_theirs(void) {
  const int file = is("in a root")         ? open_in_root(RESOLVE_IN_ROOT, "/theirs")
                   : is("above a root")    ? open_in_root(RESOLVE_IN_ROOT, "../../theirs")
                   : is("by its own link") ? open_own_link()
                                           : -1;
  if (file < 0 || write(file, text, strlen(text)) < 0) abort();
  close(file);
}

// Memory that another process changes meanwhile.
static volatile char* path;

static void map_path(void) {
  const int file = open(text, O_RDWR);
  path = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (path == MAP_FAILED) abort();
  close(file);
}

static void change_path(void) {
  for (;;) {
    strcpy((char*)path, "theirs");
    for (volatile int i = 0; i < 1000; i++) continue;
    strcpy((char*)path, "ours");
    for (volatile int i = 0; i < 1000; i++) continue;
  }
}

// So often that what was made had another name at least once when the call had returned.
static void make_folders(void) {
  for (int made = 0; made < 40;) {
    if (syscall(SYS_mkdirat, AT_FDCWD, path, 0700) != 0) continue;
    made++;
    syscall(SYS_unlinkat, AT_FDCWD, "ours", AT_REMOVEDIR);
  }
}

int main(int argc, char** argv) {
  if (argc < 4 || chdir(argv[2]) != 0) return 9;
  how = argv[1];
  text = argv[3];
  cuts = argc > 4 ? O_TRUNC : 0;
  if (is("by its own link")) prepare_own_link();
  if (is("folder") || is("change path")) map_path();
  if (is("change path")) change_path();
  for (int i = 0; i < 2; i++) {
    ps_choose(2);
    if (i > 0) continue;
    if (is("folder"))
      make_folders();
    else
      write_theirs();
  }
  return 0;
}
