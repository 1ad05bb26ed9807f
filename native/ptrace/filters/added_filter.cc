#include "ptrace/filters/added_filter.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace pagestore {

namespace {

bool is_set_by_prctl(const SystemCall& call) {
  return call.number == SYS_prctl && call.arguments[0] == PR_SET_SECCOMP;
}

bool asks_for_strict_mode(const SystemCall& call) {
  const auto& arguments = call.arguments;
  if (is_set_by_prctl(call)) return arguments[1] == SECCOMP_MODE_STRICT;
  return call.number == SYS_seccomp && arguments[0] == SECCOMP_SET_MODE_STRICT && arguments[1] == 0 &&
         arguments[2] == 0;
}

bool asks_for_filter(const SystemCall& call) {
  if (is_set_by_prctl(call)) return call.arguments[1] == SECCOMP_MODE_FILTER;
  return call.number == SYS_seccomp && call.arguments[0] == SECCOMP_SET_MODE_FILTER;
}

// Nothing is read where the kernel cannot read it either.
Status read_program(RemoteAddress address, const RemoteMemory& memory, GrowingArray<sock_filter>* steps) {
  sock_fprog head{};
  if (!memory.read(address, &head, sizeof(head)).is_ok() || head.len > BPF_MAXINSNS) return Status::ok();
  const RemoteAddress start(reinterpret_cast<uintptr_t>(head.filter));
  if (!steps->resize(head.len)) return Status::no_memory(head.len * sizeof(sock_filter));
  if (!memory.read(start, steps->data(), head.len * sizeof(sock_filter)).is_ok()) steps->clear();
  return Status::ok();
}

}  // namespace

bool adds_filter(const SystemCall& call) {
  return asks_for_filter(call) || asks_for_strict_mode(call);
}

Status add_filter_of(const SystemCall& call, const RemoteMemory& memory, FilterPrograms* programs) {
  constexpr sock_filter kNothing = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  if (asks_for_strict_mode(call)) return programs->add({&kNothing, 1});
  GrowingArray<sock_filter> steps;
  const Status status = read_program(RemoteAddress(call.arguments[2]), memory, &steps);
  return status.is_ok() && !steps.empty() ? programs->add({steps.data(), steps.size()}) : status;
}

}  // namespace pagestore
