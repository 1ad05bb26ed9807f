#include "ptrace/filters/tried_calls.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>

#include "support.h"

namespace pagestore::test {
namespace {

// In a child, which may change what it may do: its exit code.
template <typename Act>
int code_of(Act act) {
  const pid_t child = fork();
  if (child == 0) _exit(act());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void end_for(uint32_t number) {
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program = {4, steps};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

TEST(TriedCalls, EndWhoMakesThemWhereAFilterSaysSo) {
  EXPECT_EQ(code_of([] {
              end_for(SYS_dup3);
              return survives_call(SYS_dup3) ? 1 : survives_call(SYS_close) ? 0 : 2;
            }),
            0);
}

// Users without privileges alone have a limit.
TEST(TriedCalls, AreTriedAgainWhereThereWasNoChildToTryThem) {
  const int code = code_of([] {
    if (getuid() == 0 && setuid(65534) != 0) return 3;
    rlimit limit;
    getrlimit(RLIMIT_NPROC, &limit);
    const rlimit none = {0, limit.rlim_max};
    if (setrlimit(RLIMIT_NPROC, &none) != 0) return 3;
    if (fork() >= 0) return 3;
    if (survives_call(SYS_close)) return 1;
    setrlimit(RLIMIT_NPROC, &limit);
    return survives_call(SYS_close) ? 0 : 2;
  });
  if (code == 3) GTEST_SKIP() << "no limit of processes";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace pagestore::test
