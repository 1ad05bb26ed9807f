// kill-at-call N COMMAND…: runs a command, and kills it with SIGKILL when its first thread is about to make its N-th
// system call of those between two calls of kill(itself, 0). Says which one that was, or how many there were.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const long wanted = argc > 2 ? atol(argv[1]) : 0;
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  int status;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return 2;
  ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  long count = 0;
  int is_counting = 0, signal = 0;
  for (;;) {
    ptrace(PTRACE_SYSCALL, child, NULL, (long)signal);
    signal = 0;
    if (waitpid(child, &status, 0) != child) return 2;
    if (!WIFSTOPPED(status)) break;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      if (status >> 16 == 0) signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
      continue;
    }
    struct __ptrace_syscall_info info = {0};
    ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
    if (info.entry.nr == SYS_kill && info.entry.args[1] == 0) {
      is_counting = !is_counting;
    } else if (is_counting && ++count == wanted) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      printf("killed before %lld(%llx, %llx)\n", (long long)info.entry.nr, (long long)info.entry.args[0],
             (long long)info.entry.args[1]);
      return 0;
    }
  }
  printf("ended %d after %ld calls\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), count);
  return 0;
}
