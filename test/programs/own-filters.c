// own-filters probe WHO: asks, as libraries do, whether the kernel has filters, then maps memory or not.
// own-filters CALL HOW [late]: a filter of its own that answers one call by an error, a signal or its end, from before
// its first choice on; with "late" in its first alternative alone. Its state is one byte of the heap, and its break, or
// with "late" a mapping, differs between the alternatives.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pagestore.h"

static void forbid(const char* call, const char* how) {
  const unsigned number = strcmp(call, "brk") == 0 ? SYS_brk : SYS_munmap;
  const unsigned answer = strcmp(how, "error") == 0  ? SECCOMP_RET_ERRNO | EPERM
                          : strcmp(how, "trap") == 0 ? SECCOMP_RET_TRAP
                                                     : SECCOMP_RET_KILL_PROCESS;
  struct sock_filter steps[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, answer),
                                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const struct sock_fprog program = {4, steps};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) exit(3);
}

static int probe(const char* who) {
  if (strcmp(who, "prctl") == 0) prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0, 0, 0);
  if (strcmp(who, "seccomp") == 0) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL);
  for (int i = 0; i < 2; ++i) {
    if (ps_choose(2)) mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  return 0;
}

int main(int argc, char** argv) {
  if (strcmp(argv[1], "probe") == 0) return probe(argv[2]);
  const int is_late = argc > 3;
  char* byte = malloc(1);
  *byte = 1;
  if (!is_late) forbid(argv[1], argv[2]);
  const int way = ps_choose(2);
  if (is_late) {
    byte = mmap((void*)0x100000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (way == 0) forbid(argv[1], argv[2]);
  }
  *byte = (char)way;
  (void)ps_choose(2);
  ps_assert(*byte == way, "as it was");
  return 0;
}
