/* Prints which of some system calls a filter refuses to this process. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char* name, long result) {
  if (result < 0 && (errno == EPERM || errno == ENOSYS)) puts(name);
}

int main(void) {
  const long process = syscall(SYS_pidfd_open, getpid(), 0);
  say("personality", personality(ADDR_NO_RANDOMIZE));
  say("userfaultfd", syscall(SYS_userfaultfd, 1));
  say("perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
  say("kcmp", syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0));
  say("pidfd_getfd", syscall(438, process, 1, 0));
  say("io_uring_setup", syscall(425, 1, NULL));
  say("clone3", syscall(435, NULL, 0));
  say("unshare", unshare(CLONE_NEWUSER));
  return 0;
}
