/* The value is in a file that is made anew at each step, in the way that the first argument says, in the
 * folder that the second one names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "homes/home.h"

enum { kOften = 50 };

static const char* how;

static int is(const char* name) {
  return strcmp(how, name) == 0;
}

static void make(const char* name, int wanted) {
  char byte = (char)wanted;
  int file = open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
  if (file < 0 || pwrite(file, &byte, 1, 0) != 1) abort();
  close(file);
}

static int read_one(const char* name) {
  char byte = 0;
  int file = open(name, O_RDONLY);
  if (file < 0) return 0;
  if (pread(file, &byte, 1, 0) != 1) byte = 0;
  close(file);
  return byte;
}

static void move(int wanted) {
  make("new", wanted);
  if (rename("new", "value") != 0) abort();
}

static void prepare(void) {
  unlink("value");
  unlink("other");
  if (!is("first made") && !is("first moved")) make("value", 0);
  if (is("two files")) make("other", 0);
}

static int get(void) {
  int value = read_one("value");
  if (is("two files") && value != read_one("other")) abort();
  return value;
}

static void set(int wanted) {
  int is_moved = is("first moved") || is("moved often");
  int times = is("first made") || is("first moved") ? 1 : kOften;
  for (int i = 1; i <= times; i++) {
    int next = i < times ? i % 7 : wanted;
    if (is_moved) {
      move(next);
      continue;
    }
    unlink("value");
    /* These get the inode that is free now, where the file system gives it again. */
    if (is("its inode is taken") && i % 2 == 0) make("filler", 0);
    if (is("two files")) {
      unlink("other");
      make(i % 2 == 0 ? "value" : "other", next);
      make(i % 2 == 0 ? "other" : "value", next);
      continue;
    }
    make("value", next);
    unlink("filler");
  }
}

int main(int argc, char** argv) {
  if (argc < 3 || chdir(argv[2]) != 0) return 9;
  how = argv[1];
  prepare();
  run();
  return 0;
}
