// Does to files what its arguments say, one after another; "." says that a step is over (getppid). Descriptors are
// named by their places, 0 to 9. Each argument is a letter and, after colons, what it takes.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int files[10];
static char* rest;
static char* text(void) {
  return strsep(&rest, ":");
}
static long number(void) {
  return strtol(text(), NULL, 10);
}
static int file(void) {
  return files[number()];
}
static void put(int fd, const char* bytes) {
  if (write(fd, bytes, strlen(bytes)) < 0) perror("write");
}

static int flags_of(const char* letters) {
  int flags = strchr(letters, 'b') ? O_RDWR : strchr(letters, 'r') ? O_RDONLY : O_WRONLY;
  if (strchr(letters, 'a')) flags |= O_APPEND;
  if (strchr(letters, 'c')) flags |= O_CREAT;
  if (strchr(letters, 't')) flags |= O_TRUNC;
  if (strchr(letters, 'T')) flags |= O_TMPFILE | O_RDWR;
  return flags;
}

static char* mapped;

static void map(int fd, long at, const char* bytes) {
  char* there = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  memcpy(there + at, bytes, strlen(bytes));
  munmap(there, 4096);
}

// As above, in two steps.
static void map_for_later(int fd) {
  mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static char** left;

static void run(void);

// The main thread has ended when nothing tells any more what program it runs.
static void* go_on(void* unused) {
  char path[1];
  while (readlink("/proc/self/exe", path, 1) > 0) sched_yield();
  run();
  _exit(0);
  return unused;
}

static void end_main_thread(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, go_on, NULL);
  syscall(SYS_exit, 0);
}

static void act(char letter) {
  long at;
  int fd;
  char* copy_name;
  switch (letter) {
    case '.':
      syscall(SYS_getppid);
      break;
    case 'o':
      at = number(), fd = flags_of(text()), files[at] = open(text(), fd, 0600);
      break;
    case 'w':
      fd = file(), put(fd, text());
      break;
    case 'p':
      fd = file(), at = number(), rest = text(), pwrite(fd, rest, strlen(rest), at);
      break;
    case 'l':
      fd = file(), lseek(fd, number(), SEEK_SET);
      break;
    case 'h':
      fd = file(), lseek(fd, number(), SEEK_HOLE);
      break;
    case 'e':
      lseek(file(), 0, SEEK_END);
      break;
    case 't':
      fd = file(), ftruncate(fd, number());
      break;
    case 'f':
      fd = file(), at = number(), fallocate(fd, 0, at, number());
      break;
    case 'c':
      close(file());
      break;
    case 'a':
      fd = file(), fcntl(fd, F_SETFL, number() ? O_APPEND : 0);
      break;
    case 'T':
      at = number(), truncate(text(), at);
      break;
    case 'u':
      unlink(text());
      break;
    case 'r':
      copy_name = text(), rename(copy_name, text());
      break;
    case 'm':
      fd = file(), at = number(), map(fd, at, text());
      break;
    case 'n':
      map_for_later(file());
      break;
    case 'N':
      mapped[0] = *text();
      break;
    case 'M':
      files[number()] = memfd_create("memory", MFD_ALLOW_SEALING);
      break;
    case 's':
      fd = file(), fcntl(fd, F_ADD_SEALS, number());
      break;
    case 'd':
      at = number(), files[number()] = dup(files[at]);
      break;
    case 'D':
      at = number(), dup2((int)at, file());
      break;
    case 'R':
      fd = file(), syscall(SYS_close_range, fd, fd, 1u << 30);
      break;
    case 'k':
      flock(file(), LOCK_EX);
      break;
    case 'g':
      fd = file(), pread(fd, &fd, 1, 0);
      break;
    case 'C':
      chroot(".");
      break;
    case 'x':
      end_main_thread();
      break;
    default:
      _exit(3);
  }
}

static void run(void) {
  while (*left) {
    char* copy = strdup(*left++);
    rest = copy;
    char letter = *text();
    act(letter);
    free(copy);
  }
}

int main(int argc, char** argv) {
  left = argv + 1;
  (void)argc;
  run();
  return 0;
}
