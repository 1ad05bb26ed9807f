// Opens something, says that it is ready (getppid), changes its descriptors in the way that its argument names, says so
// again, and goes on to an end that tells whether all is as it was.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char* act;
static int is(const char* name) {
  return strcmp(act, name) == 0;
}
static int check(int result) {
  if (result < 0) {
    perror(act);
    _exit(2);
  }
  return result;
}
static void say(void) {
  syscall(SYS_getppid);
}
static char buffer[100];

// Not by mkstemp: under control, the C library's random numbers are always the same.
static int file(const char* text) {
  static int count;
  char name[40];
  snprintf(name, sizeof name, "files.%d.%d", (int)getpid(), ++count);
  int fd = check(open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
  check((int)write(fd, text, strlen(text)));
  check((int)lseek(fd, 0, SEEK_SET));
  if (!is("deleted")) return fd;
  check(unlink(name));
  return fd;
}

static void put(int fd, const char* text) {
  check((int)write(fd, text, strlen(text)));
}

// What cannot be undone, or grows a file.
static void write_somewhere(int a, int b, int other) {
  struct epoll_event event = {EPOLLIN, {0}};
  struct itimerspec soon = {{0, 0}, {1000, 0}};
  if (is("grow")) put(a, "more\n");
  if (is("grow-append")) put(other, "more\n");
  if (is("grow-elsewhere")) check((int)pwrite(a, "far", 3, 100));
  if (is("inside")) put(a, "!");
  if (is("inside-seek")) {
    check((int)lseek(a, 2, SEEK_SET));
    put(a, "!");
    check((int)lseek(a, 0, SEEK_END));
  }
  if (is("inside-pwrite")) check((int)pwrite(a, "!", 1, 2));
  if (is("inside-hole")) {  // the end is the only hole
    check((int)lseek(a, 2, SEEK_DATA));
    put(a, "!");
  }
  if (is("inside-no-append")) {
    check(fcntl(other, F_SETFL, 0));
    put(other, "!");
  }
  if (is("inside-pwritev2")) {
    struct iovec part = {"!", 1};
    check((int)pwritev2(a, &part, 1, 2, 0));
  }
  if (is("grow-pwrite")) check((int)pwrite(other, "more", 4, 0));  // in append mode: at the end
  if (is("kernel-file")) put(other, "another");
  if (is("shorter")) check(ftruncate(a, 2));
  if (is("again")) {
    char name[30];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", a);
    check(open(name, O_WRONLY | O_TRUNC));
  }
  if (is("pipe-read") || is("socket-read")) check((int)read(other, buffer, 1));
  if (is("pipe-write") || is("socket-write")) put(other, "x");
  if (is("eventfd")) check((int)write(other, "\1\0\0\0\0\0\0", 8));
  if (is("epoll-add")) check(epoll_ctl(other, EPOLL_CTL_ADD, b, &event));
  if (is("timerfd")) check(timerfd_settime(other, 0, &soon, NULL));
  if (is("flock")) check(flock(a, LOCK_EX));
  if (is("idle-pipe")) {
    check((int)read(a, buffer, 3));
    put(b, "more");
  }
}

static void change(int a, int b, int other) {
  if (is("read") || is("deleted") || is("shared")) check((int)read(a, buffer, 3));
  if (is("seek")) check((int)lseek(b, 7, SEEK_SET));
  if (is("close")) check(close(a));
  if (is("close-all")) check((int)syscall(SYS_close_range, 0, ~0U, 0));
  if (is("open")) check(dup(open("/dev/zero", O_RDONLY)));
  if (is("swap")) {
    int copy = check(dup(a));
    check(dup2(b, a));
    check(dup2(copy, b));
    check(close(copy));
  }
  if (is("split")) {  // two descriptors of one open file become two open files
    check(close(other));
    check(dup2(check(open("/proc/self/exe", O_RDONLY)), other));
  }
  if (is("flags")) check(fcntl(b, F_SETFL, O_APPEND | O_NONBLOCK));
  if (is("on-exec")) check(fcntl(a, F_SETFD, FD_CLOEXEC));
  if (is("full")) {
    while (dup(a) >= 0) continue;
    if (errno != EMFILE) check(-1);
    check(close(b));
  }
  if (is("far") || is("path") || is("nothing")) check(close(other));
  if (is("directory")) {
    while (syscall(SYS_getdents64, other, buffer, sizeof(buffer)) > 0) continue;
  }
  if (is("proc")) check((int)read(other, buffer, 50));
}

int main(int argc, char** argv) {
  act = argc > 1 ? argv[1] : "";
  int a = file("first file\n"), b = file("second file\n"), other = -1;
  if (is("full")) {
    struct rlimit limit = {32, 32};
    check(setrlimit(RLIMIT_NOFILE, &limit));
  }
  if (is("split") || is("nothing")) other = check(dup(b));
  if (is("far")) other = check(fcntl(b, F_DUPFD, 900));
  if (is("path")) other = check(open("/tmp", O_PATH));
  if (is("directory")) other = check(open("/usr/bin", O_RDONLY | O_DIRECTORY));
  if (is("proc")) other = check(open("/proc/self/maps", O_RDONLY));
  if (is("shared") && check(fork()) == 0) pause();
  if (other >= 0 && is("directory")) check((int)syscall(SYS_getdents64, other, buffer, sizeof(buffer)));
  if (is("grow") || is("grow-elsewhere") || is("inside-seek") || is("idle-pipe")) {
    check((int)lseek(is("idle-pipe") ? b : a, 0, SEEK_END));
  }
  if (is("inside-hole")) check((int)lseek(a, 0, SEEK_END));
  if (is("grow-append") || is("grow-pwrite") || is("inside-no-append")) {
    other = check(open("appended", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600));
    put(other, "so far\n");
  }
  if (is("inside-no-append")) {
    check(close(other));
    other = check(open("appended", O_WRONLY | O_APPEND));
  }
  if (is("kernel-file")) other = check(open("/proc/self/comm", O_RDWR));
  int pair[2] = {-1, -1};
  if (strncmp(act, "pipe", 4) == 0 || is("idle-pipe") || is("epoll-add")) check(pipe(pair));
  if (strncmp(act, "socket", 6) == 0) check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  if (pair[1] >= 0) put(pair[1], "some bytes");
  if (is("pipe-read") || is("socket-read")) other = pair[0];
  if (is("pipe-write") || is("socket-write")) other = pair[1];
  if (is("eventfd")) other = check(eventfd(0, 0));
  if (is("timerfd")) other = check(timerfd_create(CLOCK_MONOTONIC, 0));
  if (strncmp(act, "epoll", 5) == 0) other = check(epoll_create1(0));
  if (is("epoll-add")) b = pair[0];
  say();
  write_somewhere(a, b, other);
  change(a, b, other);
  say();
  return 0;
}
