#include "ptrace/time_stamp_counter.h"

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "linux/user_memory.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace pagestore {

SystemCall call_to_enable_counter() {
  return {SYS_prctl, {PR_SET_TSC, PR_TSC_ENABLE}};
}

#if defined(__x86_64__)

namespace {

constexpr uint8_t kRead[] = {0x0f, 0x31}, kReadWithProcessor[] = {0x0f, 0x01, 0xf9};

using Code = uint8_t[sizeof(kReadWithProcessor)];

// Whether the registers are at such an instruction; then it is as if it had been executed, on processor 0.
bool execute(const Code& code, uint64_t count, Registers* registers) {
  const bool is_long = memcmp(code, kReadWithProcessor, sizeof(kReadWithProcessor)) == 0;
  if (!is_long && memcmp(code, kRead, sizeof(kRead)) != 0) return false;
  registers->rax = count & UINT32_MAX;
  registers->rdx = count >> 32;
  if (is_long) registers->rcx = 0;
  registers->rip += is_long ? sizeof(kReadWithProcessor) : sizeof(kRead);
  return true;
}

}  // namespace

bool disable_counter() {
  return prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0;
}

bool answer_counter_fault(TracedThread& thread, const siginfo_t& fault, const RemoteMemory& memory, KeptClock* clock) {
  if (fault.si_signo != SIGSEGV || fault.si_code != SI_KERNEL || thread.has_faulting_counter()) return false;
  Registers* registers;
  Code code{};
  if (!thread.get_registers(&registers).is_ok()) return false;
  // The last instruction of a mapping may be the shorter one.
  const RemoteAddress address(registers->rip);
  if (!memory.read(address, code, sizeof(code)).is_ok() && !memory.read(address, code, sizeof(kRead)).is_ok()) {
    return false;
  }
  if (!execute(code, clock->read_counter(), registers)) return false;
  thread.mark_registers_dirty();
  return true;
}

bool answer_followers_fault(pid_t follower) {
  siginfo_t fault{};
  if (ptrace(PTRACE_GETSIGINFO, follower, nullptr, &fault) != 0 || fault.si_code != SI_KERNEL) return false;
  Registers registers;
  if (ptrace(PTRACE_GETREGS, follower, nullptr, &registers) != 0) return false;
  Code code{};
  const RemoteAddress address(registers.rip);
  if (!read_as_user(follower, address, code, sizeof(code)) && !read_as_user(follower, address, code, sizeof(kRead))) {
    return false;
  }
  return execute(code, __rdtsc(), &registers) && ptrace(PTRACE_SETREGS, follower, nullptr, &registers) == 0;
}

std::optional<int64_t> answer_counter_call(TracedThread& thread, const SystemCall& call) {
  if (call.number != SYS_prctl) return {};
  const auto asked = static_cast<int>(call.arguments[0]);
  if (asked == PR_SET_TSC) {
    const auto mode = static_cast<unsigned>(call.arguments[1]);
    if (mode != PR_TSC_ENABLE && mode != PR_TSC_SIGSEGV) return -EINVAL;
    thread.set_faulting_counter(mode == PR_TSC_SIGSEGV);
    return 0;
  }
  if (asked != PR_GET_TSC) return {};
  const int mode = thread.has_faulting_counter() ? PR_TSC_SIGSEGV : PR_TSC_ENABLE;
  return write_as_user(thread.id(), RemoteAddress(call.arguments[1]), &mode, sizeof(mode)) ? 0 : -EFAULT;
}

#else

bool disable_counter() {
  return true;
}
bool answer_counter_fault(TracedThread&, const siginfo_t&, const RemoteMemory&, KeptClock*) {
  return false;
}
bool answer_followers_fault(pid_t) {
  return false;
}
std::optional<int64_t> answer_counter_call(TracedThread&, const SystemCall&) {
  return {};
}

#endif

}  // namespace pagestore
