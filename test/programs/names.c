// Makes something by a name that must not be there, once on each path, in the way that its argument says; or also does
// something with a file of others, 'of others'.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pagestore.h"

static const char* how;

static int is(const char* name) {
  return strcmp(how, name) == 0;
}

static int make_file(const char* path) {
  const int file = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
  if (file < 0) return 0;
  if (write(file, "text", 4) != 4) abort();
  close(file);
  return 1;
}

static int make(void) {
  char name[] = "temporary-XXXXXX";
  if (is("file")) return make_file("made");
  if (is("folder")) return mkdir("made", 0700) == 0;
  if (is("file in folders")) return mkdir("made", 0700) == 0 && mkdir("made/in", 0700) == 0 && make_file("made/in/it");
  if (is("temporary")) return mkstemp(name) >= 0;
  if (is("moved over") || is("swapped") || is("linked")) return make_file("made");
  return is("nothing");
}

static void go_on(void) {
  if (is("moved over") && rename("of others", "made") != 0) abort();
  if (is("swapped") && renameat2(AT_FDCWD, "of others", AT_FDCWD, "made", RENAME_EXCHANGE) != 0) abort();
  if (is("linked") && link("made", "linked") != 0) abort();
}

int main(int argc, char** argv) {
  if (argc < 3 || chdir(argv[2]) != 0) return 9;
  how = argv[1];
  for (int i = 0; i < 2; i++) {
    const int chosen = ps_choose(2);
    if (i == 0) ps_assert(make(), "there was none");
    if (i == 1 && chosen == 1) go_on();
    ps_assert(!(chosen == 1 && argc > 3), "one was chosen");
  }
  return 0;
}
