// Makes a file and removes it, so that the next one that is made gets its inode, on most file systems: in the way that
// its argument says, in the folder that follows. As "maker" it is another process, which makes that one once it may.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pagestore.h"

static int waits;

static int make(const char* name, const char* text) {
  const int file = open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
  if (file < 0 || write(file, text, strlen(text)) < 0) abort();
  return file;
}

// The clock by which the kernel says when a file was made ticks some hundred times in a second.
static void make_and_remove(const char* name) {
  close(make(name, "mine"));
  if (unlink(name) != 0) abort();
  for (volatile int i = 0; waits && i < 20000000; i++) continue;
}

static char first_byte(const char* name) {
  char byte = '?';
  const int file = open(name, O_RDONLY);
  if (file < 0 || read(file, &byte, 1) < 0) abort();
  close(file);
  return byte;
}

// What is chosen is in the file alone.
static void keep_choice_in(int file, const char* name) {
  volatile int chosen = ps_choose(2);
  if (pwrite(file, chosen ? "1" : "0", 1, 0) != 1) abort();
  close(file);
  chosen = 0;
  ps_choose(2);
  ps_assert(first_byte(name) != '1', "one was chosen");
}

// It gets its name while it is open.
static void move_open(void) {
  const int file = make("new", "");
  volatile int chosen = ps_choose(2);
  if (rename("new", "second") != 0 && access("second", F_OK) != 0) abort();
  if (pwrite(file, chosen ? "1" : "0", 1, 0) != 1) abort();
  chosen = 0;
  ps_choose(1);
  close(file);
  ps_choose(2);
  ps_assert(first_byte("second") != '1', "one was chosen");
}

// The other process makes its file when "ready" is there. Whoever finds that already does nothing more.
static void meet(const char* name, int stays_open) {
  if (access("ready", F_OK) == 0) return;
  make_and_remove("first");
  if (rename("prepared", "ready") != 0) abort();
  while (access("done", F_OK) != 0) continue;
  const int file = open(name, O_WRONLY | O_APPEND);
  if (file < 0 || write(file, " and mine", 9) != 9) abort();
  if (!stays_open) close(file);
}

static int be_maker(const char* name) {
  while (access("ready", F_OK) != 0) usleep(100);
  close(make(name, "theirs"));
  close(make("done", ""));
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3 || chdir(argv[2]) != 0) return 9;
  if (strcmp(argv[1], "maker") == 0) return be_maker(argv[3]);
  waits = argc > 3 && strcmp(argv[3], "later") == 0;
  ps_choose(1);
  if (strcmp(argv[1], "alone") == 0) {
    make_and_remove("first");
    keep_choice_in(make("second", ""), "second");
  } else if (strcmp(argv[1], "alone, moved") == 0) {
    make_and_remove("first");
    close(make("new", ""));
    if (rename("new", "second") != 0) abort();
    keep_choice_in(open("second", O_RDWR), "second");
  } else if (strcmp(argv[1], "open, moved") == 0) {
    make_and_remove("first");
    move_open();
  } else if (strcmp(argv[1], "three") == 0) {
    make_and_remove("first");
    make_and_remove("second");
    keep_choice_in(make("first", ""), "first");
  } else {
    meet(argv[3], strcmp(argv[1], "keeps") == 0);
    ps_choose(1);
  }
  return 0;
}
