/* Runs a program in a PID namespace of its own, as its first process, and prints the program's number outside of it. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  (void)argc;
  if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
    perror("namespaced");
    return 77;
  }
  const pid_t program = fork();
  if (program == 0) {
    execv(argv[1], argv + 1);
    _exit(127);
  }
  printf("%d\n", (int)program);
  fflush(stdout);
  waitpid(program, NULL, 0);
  return 0;
}
