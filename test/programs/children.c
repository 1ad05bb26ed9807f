/* Takes the steps that it is told, by letters, with processes that it starts, and makes getppid after each. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;
static siginfo_t info;
static int failed, started[2];
static volatile int may_go;

static void check(int is_true) {
  failed += !is_true;
}
static void rest(void) {
  for (;;) usleep(1000);
}
static void start_sleeper(void) {
  child = fork();
  if (child == 0)
    for (;;) pause();
}
static void start(int ends) {
  child = fork();
  if (child == 0 && ends) _exit(3);
  if (child == 0) rest();
}
/* Flags without CLONE_VM: the child has a stack of its own. */
static void start_with(unsigned long flags) {
  child = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
  if (child == 0) rest();
}
static void start_daemon(void) {
  int ignored;
  if (started[1] == 0) check(pipe(started) == 0);
  pid_t between = fork();
  if (between == 0) {
    pid_t last = fork();
    if (last == 0) rest();
    check(write(started[1], &last, sizeof last) == sizeof last);
    _exit(0);
  }
  check(waitpid(between, &ignored, 0) == between);
  check(read(started[0], (void*)&child, sizeof child) == sizeof child);
}
/* What it opens shows in the descriptors of whoever shares them. */
static void start_opener(void) {
  enum { kNumber = 100 };
  child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    dup2(open("/proc/self/exe", O_RDONLY), kNumber);
    rest();
  }
  while (fcntl(kNumber, F_GETFD) == -1) usleep(1000);
}
static void deny_waitid(void) {
  struct sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_waitid, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const struct sock_fprog program = {4, filter};
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}
static void see(int what) {
  check(waitid(P_PID, (id_t)child, &info, what | WNOWAIT) == 0);
}
static void step(char letter) {
  int status = 0;
  switch (letter) {
    case 's':
      return start(0);
    case 'e':
      start(1);
      return see(WEXITED);
    case 'i':
      signal(SIGCHLD, SIG_IGN);
      return;
    case 'k':
      kill(child, SIGKILL);
      return;
    case 'g':
      while (kill(child, 0) == 0) usleep(1000);
      return;
    case 'z':
      return see(WEXITED);
    case 'p':
      kill(child, SIGSTOP);
      return see(WSTOPPED);
    case 'c':
      kill(child, SIGCONT);
      return see(WCONTINUED);
    case 'b':
      kill(child, SIGSTOP);
      see(WSTOPPED);
      kill(child, SIGCONT);
      return see(WCONTINUED);
    case 'w':
      check(waitpid(child, &status, WUNTRACED | WCONTINUED) == child);
      return;
    case 'v':
      check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
      return;
    case 'n':
      check(waitpid(-1, 0, WNOHANG) == -1);
      return;
    case 'o':
      if (fork() == 0) _exit(0);
      wait(0);
      return;
    case 'r':
      while (!may_go) usleep(1000);
      may_go = 0;
      return;
    case 'd':
      return start_daemon();
    case 'y':
      return start_with(CLONE_PARENT | SIGCHLD);
    case 'u':
      check(unshare(CLONE_NEWPID) == 0);
      return;
    case 'f':
      return start_opener();
    case 'q':
      return start_sleeper();
    case 'x':
      return deny_waitid();
  }
}
int main(int argc, char** argv) {
  for (const char* at = argv[argc - 1]; *at != 0; ++at) {
    step(*at);
    syscall(SYS_getppid);
  }
  return failed;
}
