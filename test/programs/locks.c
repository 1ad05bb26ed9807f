// What a duplicate of ours would change: takes a lock and closes the file; writes a program, closes it and runs it.
// Says that it is ready (getppid) before and after, and ends with 0 if nothing was kept from it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int check(long result, const char* what) {
  if (result < 0) {
    perror(what);
    _exit(2);
  }
  return (int)result;
}

static int copy(const char* from, const char* to) {
  static char bytes[1 << 20];
  int in = check(open(from, O_RDONLY), from);
  int out = check(open(to, O_RDWR | O_CREAT | O_TRUNC, 0700), to);
  for (ssize_t got; (got = read(in, bytes, sizeof bytes)) > 0;) check(write(out, bytes, (size_t)got), to);
  close(in);
  return out;
}

int main(int argc, char** argv) {
  const char* act = argc > 1 ? argv[1] : "";
  struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  char name[40];
  snprintf(name, sizeof name, "locked.%d", (int)getpid());
  int program = strcmp(act, "program") == 0 ? copy("/bin/true", name) : -1;
  int file = program < 0 ? check(open(name, O_RDWR | O_CREAT, 0600), name) : -1;
  if (strncmp(act, "process-", 8) == 0) check(fcntl(file, F_SETLK, &all), act);
  syscall(SYS_getppid);
  if (strcmp(act, "flock") == 0) check(flock(file, LOCK_EX), act);
  if (strcmp(act, "open-file") == 0) check(fcntl(file, F_OFD_SETLK, &all), act);
  if (strcmp(act, "flock") == 0 || strcmp(act, "open-file") == 0) {
    check(close(file), act);
    file = check(open(name, O_RDWR), name);
    // Nobody else has it, so that nobody holds it back.
    if (strcmp(act, "flock") == 0)
      check(flock(file, LOCK_EX | LOCK_NB), act);
    else
      check(fcntl(file, F_OFD_SETLK, &all), act);
  }
  // Opening and closing the same file again ends the lock of a process.
  if (strcmp(act, "process-before") == 0) check(close(check(open(name, O_RDWR), name)), act);
  if (strcmp(act, "process-open") == 0) check(open(name, O_RDONLY), name);
  if (program >= 0) {
    check(close(program), act);
    const pid_t child = check(fork(), act);
    if (child == 0) {
      execl(name, name, NULL);
      _exit(errno);
    }
    int status;
    check(waitpid(child, &status, 0), act);
    if (status != 0) {
      fprintf(stderr, "%s: status %x\n", act, (unsigned)status);
      return 3;
    }
  }
  syscall(SYS_getppid);
  unlink(name);
  return 0;
}
