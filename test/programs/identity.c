// Says what a start has given it that others may ask the kernel for.
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
  int signal = -1;
  prctl(PR_GET_PDEATHSIG, &signal);
  printf("users %d %d, groups %d %d, ", (int)getuid(), (int)geteuid(), (int)getgid(), (int)getegid());
  printf("dumpable %d, with its parent %d, leads its session %d\n", prctl(PR_GET_DUMPABLE), signal,
         getsid(0) == getpid());
  return 0;
}
