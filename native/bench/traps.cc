// How long a choice stops a program under check, by how it asks: by a breakpoint instruction, by a system call that a
// filter reports, or by a system call when all are reported. By hand: docs/tracee.md holds what it prints.
//
// Tracer and tracee are on one processor. A round trip has registers read and written, as a choice needs.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace {

constexpr long kCall = 0x7073'0000;
constexpr int kRounds = 7, kTraps = 20'000;

void must(bool is_fine) {
  if (!is_fine) exit(1);
}

void ask_by_breakpoint() {
  for (;;) asm volatile("int3" : : : "memory");
}

void ask_by_call() {
  for (;;) syscall(kCall);
}

void filter_the_call() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kCall, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, filter};
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

// Microseconds for each answer.
double measure(const std::function<void()>& child_does, __ptrace_request go_on, int stops_each) {
  const pid_t pid = fork();
  if (pid == 0) {
    must(raise(SIGSTOP) == 0);
    child_does();
    _exit(0);
  }
  int status = 0;
  must(waitpid(pid, &status, WUNTRACED) == pid);
  must(ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP) == 0);
  kill(pid, SIGCONT);
  const auto next = [&] {
    ptrace(go_on, pid, nullptr, nullptr);
    must(waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status));
  };
  must(waitpid(pid, &status, __WALL) == pid);
  // Past what comes before the first question.
  for (int i = 0; i < 100; ++i) next();
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kTraps; ++i) {
      user_regs_struct registers;
      ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
      ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
      for (int stop = 0; stop < stops_each; ++stop) next();
    }
    const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - start;
    rounds.push_back(taken.count() / kTraps);
  }
  kill(pid, SIGKILL);
  waitpid(pid, &status, __WALL);
  std::sort(rounds.begin(), rounds.end());
  printf("%.1f (%.1f-%.1f) us\n", rounds[kRounds / 2], rounds.front(), rounds.back());
  return rounds[kRounds / 2];
}

}  // namespace

int main() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
  must(sched_setaffinity(0, sizeof(one), &one) == 0);
  printf("a breakpoint instruction: ");
  measure(ask_by_breakpoint, PTRACE_CONT, 1);
  printf("a system call shown by a filter: ");
  const auto filtered = [] {
    filter_the_call();
    ask_by_call();
  };
  measure(filtered, PTRACE_CONT, 1);
  printf("a system call, all being shown on their way in and out: ");
  measure(ask_by_call, PTRACE_SYSCALL, 2);
}
