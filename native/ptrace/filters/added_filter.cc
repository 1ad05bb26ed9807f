#include "ptrace/filters/added_filter.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace pagestore {

namespace {

bool is_set_by_prctl(const SystemCall& call) {
  return call.number == SYS_prctl && call.arguments[0] == PR_SET_SECCOMP;
}

// Where the program of the filter is; none in the strict mode.
uint64_t head_of_filter(const SystemCall& call) {
  const uint64_t mode = call.arguments[is_set_by_prctl(call) ? 1 : 0];
  const uint64_t filter = is_set_by_prctl(call) ? uint64_t{SECCOMP_MODE_FILTER} : uint64_t{SECCOMP_SET_MODE_FILTER};
  return mode == filter ? call.arguments[2] : 0;
}

bool read_program(RemoteAddress address, const RemoteMemory& memory, GrowingArray<sock_filter>* steps) {
  sock_fprog head{};
  if (!memory.read(address, &head, sizeof(head)).is_ok() || head.len == 0 || head.len > BPF_MAXINSNS) return false;
  const RemoteAddress start(reinterpret_cast<uintptr_t>(head.filter));
  return steps->resize(head.len) && memory.read(start, steps->data(), head.len * sizeof(sock_filter)).is_ok();
}

}  // namespace

bool adds_filter(const SystemCall& call) {
  if (is_set_by_prctl(call)) return true;
  const uint64_t operation = call.arguments[0];
  return call.number == SYS_seccomp && (operation == SECCOMP_SET_MODE_FILTER || operation == SECCOMP_SET_MODE_STRICT);
}

Status add_filter_of(const SystemCall& call, const RemoteMemory& memory, FilterPrograms* programs) {
  constexpr sock_filter kNothing = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  GrowingArray<sock_filter> steps;
  const uint64_t head = head_of_filter(call);
  if (head == 0 || !read_program(RemoteAddress(head), memory, &steps)) return programs->add({&kNothing, 1});
  return programs->add({steps.data(), steps.size()});
}

}  // namespace pagestore
