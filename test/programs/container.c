/* Runs a program under the system call filter of a container:
 * container LAST ERROR NUMBER... -- program arguments...
 * NUMBER... are refused with ERROR, and so is what lies beyond LAST with ENOSYS, as runc and crun answer calls that
 * their profile does not know. Of four calls the arguments decide, or another error: personality, clone, socket and
 * clone3. Of fcntl, where it is one of them, what Linux has since 6.10 is not known (F_DUPFD_QUERY). */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  kMost = 512,
  kNewNamespaces = 0x7e020000,
  kVsock = 40,
  kAlg = 38,
  kClone3 = 435,
  kQuery = 1027,
  kX32 = 0x40000000
};

static struct sock_filter filter[kMost];
static unsigned short length;

static void add(unsigned short code, unsigned value, int yes, int no) {
  if (length == kMost) exit(125);
  filter[length++] = (struct sock_filter){code, (unsigned char)yes, (unsigned char)no, value};
}

static void load(size_t offset) {
  add(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void load_argument(void) {
  load(offsetof(struct seccomp_data, args));
}

static void answer(unsigned action) {
  add(BPF_RET | BPF_K, action, 0, 0);
}

static unsigned refusal(unsigned error) {
  return SECCOMP_RET_ERRNO | error;
}

/* What follows is for this call alone, so many instructions. */
static void only_for(unsigned call, int instructions) {
  add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, instructions);
}

static void add_calls_with_rules(unsigned error) {
  only_for(kClone3, 1);
  answer(refusal(ENOSYS));
  only_for(SYS_personality, 8);
  load_argument();
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, 8, 4, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, 0x20000, 3, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, 0x20008, 2, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 1, 0);
  answer(refusal(error));
  answer(SECCOMP_RET_ALLOW);
  only_for(SYS_clone, 4);
  load_argument();
  add(BPF_JMP | BPF_JSET | BPF_K, kNewNamespaces, 0, 1);
  answer(refusal(error));
  answer(SECCOMP_RET_ALLOW);
  only_for(SYS_socket, 5);
  load_argument();
  add(BPF_JMP | BPF_JEQ | BPF_K, kVsock, 1, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, kAlg, 0, 1);
  answer(refusal(error));
  answer(SECCOMP_RET_ALLOW);
}

static void add_query(void) {
  only_for(SYS_fcntl, 4);
  load(offsetof(struct seccomp_data, args[1]));
  add(BPF_JMP | BPF_JEQ | BPF_K, kQuery, 0, 1);
  answer(refusal(EINVAL));
  answer(SECCOMP_RET_ALLOW);
}

int main(int argc, char** argv) {
  int i = 3;
  if (argc < 5) return 125;
  const unsigned last = (unsigned)atoi(argv[1]), error = (unsigned)atoi(argv[2]);
#if defined(__x86_64__)
  load(offsetof(struct seccomp_data, arch));
  /* Of programs for 32 bits nothing is said here. */
  add(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
  answer(SECCOMP_RET_ALLOW);
#endif
  load(offsetof(struct seccomp_data, nr));
  /* Calls of the x32 interface have the same numbers, and a bit more. */
  add(BPF_JMP | BPF_JSET | BPF_K, kX32, 0, 1);
  add(BPF_ALU | BPF_XOR | BPF_K, kX32, 0, 0);
  add(BPF_JMP | BPF_JGT | BPF_K, last, 0, 1);
  answer(refusal(ENOSYS));
  for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (atoi(argv[i]) == SYS_fcntl) {
      add_query();
      continue;
    }
    only_for((unsigned)atoi(argv[i]), 1);
    answer(refusal(error));
  }
  add_calls_with_rules(error);
  answer(SECCOMP_RET_ALLOW);
  const struct sock_fprog program = {length, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("container");
    return 125;
  }
  execvp(argv[i + 1], argv + i + 1);
  perror(argv[i + 1]);
  return 127;
}
