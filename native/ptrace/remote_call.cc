// One system call that the process makes for us.
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "linux/process_regions.h"
#include "ptrace/traced_process.h"
#include "system/old_glibc.h"

namespace pagestore {

// In memory that may be executed: the kernel's own code page first, which every process has.
Status TracedProcess::find_call_instruction(uint64_t* address) {
  constexpr auto& kCall = Registers::kCall;
  if (call_instruction_ != 0) {
    std::byte found[kCall.size()];
    *address = call_instruction_;
    if (read(*address, found, sizeof(found)).is_ok() && memcmp(found, kCall.data(), sizeof(found)) == 0) {
      return Status::ok();
    }
  }
  RegionList regions;
  if (Status status = read_regions_of(living(), &regions); !status.is_ok()) return status;
  for (const bool is_vdso : {true, false}) {
    RegionReader reader(regions.bytes());
    Region region;
    while (reader.next(&region)) {
      if (region.permissions[2] != 'x' || (region.path == "[vdso]") != is_vdso) continue;
      std::byte bytes[4096 + kCall.size()];
      for (uint64_t at = region.start; at < region.end; at += 4096) {
        const size_t count = std::min<uint64_t>(sizeof(bytes), region.end - at);
        if (!read(at, bytes, count).is_ok()) break;
        const void* found = memmem(bytes, count, kCall.data(), kCall.size());
        if (found == nullptr) continue;
        *address = call_instruction_ = at + static_cast<uint64_t>(static_cast<const std::byte*>(found) - bytes);
        return Status::ok();
      }
    }
  }
  return Status::system(Error::tracee, "a system call instruction in the process", ENOENT);
}

// The thread is put back as it was; signals that come meanwhile wait.
Status TracedProcess::call(const RegisterCall& call, int64_t* result) {
  TracedThread* thread;
  Registers* registers;
  Status status = this->thread(0, &thread);
  if (status.is_ok() && thread->place == Place::inside) {
    return Status::system(Error::tracee, "a call in a thread that is in the middle of vfork", EBUSY);
  }
  if (status.is_ok()) status = thread->settle();
  if (status.is_ok()) status = thread->get_registers(&registers);
  if (!status.is_ok()) return status;
  const Registers before = *registers;
  const TracedThread::Standing standing = thread->standing();
  uint64_t instruction = 0, blocked = 0;
  if (status = find_call_instruction(&instruction); !status.is_ok()) return status;
  if (status = thread->get_blocked(&blocked); !status.is_ok()) return status;
  if (status = thread->block(UINT64_MAX); !status.is_ok()) return status;
  if (thread->place == Place::call_entry) {
    registers->replace(call);
  } else {
    registers->prepare(call, instruction);
  }
  thread->changed();
  if (status = finish_call(*thread); !status.is_ok()) return status;
  if (status = thread->get_registers(&registers); !status.is_ok()) return status;
  *result = registers->result();
  *registers = before;
  thread->stand_again(standing);
  return thread->block(blocked);
}

// Runs to behind the call that it is about to make, or has entered.
Status TracedProcess::finish_call(TracedThread& thread) {
  for (int late_signal = 0;;) {
    if (Status status = thread.run(PTRACE_SYSCALL, 0); !status.is_ok()) return status;
    Waiting::News news;
    if (Status status = wait_on(thread, &news); !status.is_ok()) return status;
    if (!WIFSTOPPED(news.status)) return was_killed(news);
    thread.place = Place::interrupted;
    if (WSTOPSIG(news.status) != kCallStop) {
      // By the filter; or one that cannot be blocked, for later.
      if (event_of(news.status) == 0) late_signal = WSTOPSIG(news.status);
      siginfo_t info{};
      const bool is_fault = late_signal == SIGSEGV || late_signal == SIGBUS || late_signal == SIGILL;
      if (is_fault && ptrace(PTRACE_GETSIGINFO, thread.id(), nullptr, &info) == 0 && info.si_code > 0) {
        return Status::system(Error::tracee, "a system call instruction where it was found", EFAULT);
      }
      continue;
    }
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread.id(), sizeof(info), &info) < 0) {
      return Status::process_gone(pid_, "was killed");
    }
    if (info.op != PTRACE_SYSCALL_INFO_EXIT) continue;
    thread.place = Place::call_exit;
    if (late_signal != 0) signal_thread(pid_, thread.id(), late_signal);
    return Status::ok();
  }
}

}  // namespace pagestore
