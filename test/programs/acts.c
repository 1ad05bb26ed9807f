/* Does what its first argument says: each act is something to stop for, or something to be seen from outside. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "pagestore.h"

#define NEVER_INLINED __attribute__((noinline, noclone))

extern char** environ;

static volatile int count;
const char constant[16] = "read-only memory";
int variable = 5;

NEVER_INLINED int add(int a, int b) {
  __asm__ volatile("");
  return a + b;
}
NEVER_INLINED void count_one(void) {
  count++;
}

/* The instruction by which it reads a byte has a name. */
static NEVER_INLINED long read_by_named_call(char* byte) {
#if defined(__x86_64__)
  long result = SYS_read;
  __asm__ volatile(".globl named_call\nnamed_call: syscall"
                   : "+a"(result)
                   : "D"(0), "S"(byte), "d"(1)
                   : "rcx", "r11", "memory");
#else
  register long number __asm__("x8") = SYS_read, result __asm__("x0") = 0;
  register char* to __asm__("x1") = byte;
  register long length __asm__("x2") = 1;
  __asm__ volatile(".globl named_call\nnamed_call: svc #0"
                   : "+r"(result)
                   : "r"(number), "r"(to), "r"(length)
                   : "memory");
#endif
  return result;
}

static void on_first(int signal) {
  (void)signal, count += 1;
}
static void on_second(int signal) {
  (void)signal, count += 10;
}

static void* count_in_thread(void* argument) {
  count += 5;
  return argument;
}
static void* wait_for_input(void* argument) {
  char byte;
  while (read(0, &byte, 1) > 0) continue;
  return argument;
}

static int code_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static void show_signals(void) {
  for (int signal = 1; signal < NSIG; signal++) {
    struct sigaction now;
    if (sigaction(signal, NULL, &now) == 0 && now.sa_handler != SIG_DFL) printf("handled %d\n", signal);
  }
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, NULL, &blocked);
  for (int signal = 1; signal < NSIG; signal++) {
    if (sigismember(&blocked, signal) == 1) printf("blocked %d\n", signal);
  }
}

static void show_descriptors(void) {
  for (int fd = 0; fd < 4096; fd++) {
    char path[32], target[256];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(path, target, sizeof target - 1);
    if (length >= 0) printf("%d %.*s\n", fd, (int)length, target);
  }
}

/* What differs from run to run, if nothing is done about it. */
static void show_what_is_random(void) {
  double sum = 0;
  for (int i = 1; i < 100; i++) {
    void* block = malloc((size_t)i * 97);
    sum += 1.0 / i;
    if (i % 3) free(block);
    printf("%p %.15g\n", block, sum);
  }
  printf("%p %p %p %s\n", (void*)&sum, (void*)&count, (void*)(uintptr_t)printf, getenv("HOME"));
  ps_choose(2);
}

int main(int argc, char** argv) {
  const char* act = argc > 1 ? argv[1] : "";
  const int value = argc > 2 ? atoi(argv[2]) : 0;
  char byte = 0;
  pthread_t thread;
  struct sigaction action = {0};
#define IS(name) (strcmp(act, name) == 0)

  if (IS("exit")) return value;
  if (IS("calls")) {
    for (int i = 0; i < 3; i++) {
      syscall(SYS_dup3, 1000 + i, 2000, 0);
      syscall(SYS_close, 1000 + i);
    }
    return 0;
  }
  if (IS("choices")) {
    const int way = ps_choose(3);
    ps_assert(way != 1, "the way is not one");
    if (way == 2) ps_choose(0);
    return way + 10 * ps_choose(1);
  }
  if (IS("signals")) {
    action.sa_handler = on_first;
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = on_second;
    sigaction(SIGUSR2, &action, NULL);
    for (int i = 0; i < 3; i++) raise(SIGUSR1);
    return count;
  }
  if (IS("fault")) *(volatile int*)(uintptr_t)0x1230 = 1;
  if (IS("functions")) {
    for (int i = 0; i < 4; i++) count_one();
    return count + add(20, 3);
  }
  if (IS("memory")) return add(((volatile const char*)constant)[0], *(volatile int*)&variable);
  if (IS("exec")) execl(argv[0], argv[0], "functions", (char*)NULL);
  if (IS("thread")) {
    pthread_create(&thread, NULL, count_in_thread, NULL);
    pthread_join(thread, NULL);
    ps_choose(1);
    return count;
  }
  if (IS("thread-waits")) {
    pthread_create(&thread, NULL, wait_for_input, NULL);
    pthread_join(thread, NULL);
    return 7;
  }
  if (IS("fork")) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 100; i++) free(malloc(1 << 20));
      _exit(value);
    }
    return code_of(child);
  }
  if (IS("child-stays")) {
    if (fork() == 0) {
      for (;;) pause();
    }
    for (;;) pause();
  }
  if (IS("grandchild-stays")) {
    const pid_t child = fork();
    if (child == 0) {
      /* Until its parent stands. */
      usleep(30000);
      fork();
      for (;;) pause();
    }
    ps_choose(1);
    for (;;) pause();
  }
  if (IS("spin")) {
    for (;;) count++;
  }
  if (IS("block")) return read(0, &byte, 1) == 1 ? byte : 99;
  if (IS("block-named")) return read_by_named_call(&byte) == 1 ? byte : 99;
  if (IS("waits")) {
    /* Several ways to wait, over and over; what it did it tells at the end. */
    pthread_create(&thread, NULL, wait_for_input, NULL);
    struct timespec shortly = {0, 2000000};
    for (int i = 0; i < value; i++) {
      printf("%d\n", i);
      fflush(stdout);
      nanosleep(&shortly, NULL);
    }
    return 0;
  }
  if (IS("counts")) {
    /* For ever; what it held long ago it must hold still. */
    enum { HELD = 500 };
    static int held[HELD * 100];
    for (int i = 1;; i++) {
      int* here = &held[i % HELD * 100];
      if (*here != (i > HELD ? i - HELD : 0)) dprintf(1, "wrong at ");
      *here = i;
      dprintf(1, "%d\n", i);
      usleep(500);
    }
  }
  if (IS("signals-shown")) show_signals();
  if (IS("descriptors")) show_descriptors();
  if (IS("session")) printf("%d %d %d\n", getsid(0) == getpid(), getpgrp() == getpid(), getpid() != 1);
  if (IS("random")) show_what_is_random();
  if (IS("words")) {
    for (int i = 1; i < argc; i++) printf("[%s]\n", argv[i]);
    for (char** each = environ; *each != NULL; each++) printf("%s\n", *each);
  }
  if (IS("streams")) {
    char line[64];
    const ssize_t got = read(0, line, sizeof line);
    dprintf(1, "out %.*s", (int)(got < 0 ? 0 : got), line);
    dprintf(2, "err\n");
  }
  if (IS("choose-processors")) {
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    sched_setaffinity(0, sizeof all, &all);
    return ps_choose(1);
  }
  if (IS("processors")) {
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    printf("%d\n", CPU_COUNT(&allowed));
  }
  return 0;
}
