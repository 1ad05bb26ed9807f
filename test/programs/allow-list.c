// Says "up", and from then on makes no call but a few. With "strict" the kernel lets it have three (seccomp's first
// mode); with "filter" one that it does not know ends it; with "second" it has a filter more, which allows all; with
// "thread" another thread has two of those instead; "deaf" lets it call userfaultfd, but not rt_sigprocmask. Each line
// of its input is answered. "trap COMMAND…" is no such program: it runs a command that a userfaultfd ends; nor is
// "privileged COMMAND…", which adds a filter and gives up no privileges for it.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void filter(struct sock_filter* steps, unsigned short count) {
  const struct sock_fprog program = {count, steps};
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static pthread_barrier_t has_filters;

static void allow_all(void) {
  struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  filter(all, 1);
}

static void* be_allowed_all(void* unused) {
  allow_all();
  allow_all();
  pthread_barrier_wait(&has_filters);
  for (;;) pause();
  return unused;
}

int main(int argc, char** argv) {
  const char* which = argc > 1 ? argv[1] : "";
  char byte;
  if (strcmp(which, "privileged") == 0) {
    allow_all();
    execvp(argv[2], argv + 2);
    return 127;
  }
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (strcmp(which, "second") == 0) allow_all();
  if (strcmp(which, "thread") == 0) {
    pthread_t thread;
    pthread_barrier_init(&has_filters, NULL, 2);
    pthread_create(&thread, NULL, be_allowed_all, NULL);
    pthread_barrier_wait(&has_filters);
  }
  if (strcmp(which, "parent") == 0) {
    const pid_t child = fork();
    if (child == 0) {
      for (;;) pause();
    }
    printf("%d\n", (int)child);
    fflush(stdout);
  }
  if (strcmp(which, "trap") == 0) {
    struct sock_filter most[] = {NUMBER, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    filter(most, sizeof(most) / sizeof(most[0]));
    execvp(argv[2], argv + 2);
    return 127;
  }
  if (strcmp(which, "plain") == 0) {
    // It has the filters of its parent.
  } else if (strcmp(which, "deaf") == 0) {
    struct sock_filter most[] = {NUMBER, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    filter(most, sizeof(most) / sizeof(most[0]));
  } else if (strcmp(which, "strict") != 0) {
    struct sock_filter some[] = {NUMBER,
                                 ALLOW(SYS_read),
                                 ALLOW(SYS_write),
                                 ALLOW(SYS_brk),
                                 ALLOW(SYS_mmap),
                                 ALLOW(SYS_rt_sigprocmask),
                                 ALLOW(SYS_restart_syscall),
                                 ALLOW(SYS_exit_group),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
    filter(some, sizeof(some) / sizeof(some[0]));
  } else {
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
  }
  static volatile int count;
  if (write(1, "up\n", 3) != 3) return 1;
  while (read(0, &byte, 1) == 1) {
    count = count + 1;
    // Memory that it never gives back.
    if (strcmp(which, "strict") != 0) mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char answer[2] = {(char)('0' + count), '\n'};
    if (write(1, answer, 2) != 2) return 1;
  }
  return 0;
}
