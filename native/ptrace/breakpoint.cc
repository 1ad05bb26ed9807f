// An int3 or brk that stands in the code for as long as threads run.
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "ptrace/traced_process.h"

namespace pagestore {

Status TracedProcess::plant(uint64_t address) {
  if (Status status = read(address, planted_.before, sizeof(planted_.before)); !status.is_ok()) return status;
  Status status = write(address, Registers::kBreakpoint.data(), sizeof(planted_.before));
  planted_.address = status.is_ok() ? address : 0;
  return status;
}

void TracedProcess::take_breakpoint_away() {
  if (planted_.address != 0) static_cast<void>(write(planted_.address, planted_.before, sizeof(planted_.before)));
  planted_.address = 0;
}

// A child that was born with it stands still.
void TracedProcess::take_breakpoint_from(pid_t child) const {
  if (planted_.address == 0) return;
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/mem", child);
  const ScopedFd memory(open(path, O_RDWR | O_CLOEXEC));
  const auto offset = static_cast<off_t>(planted_.address);
  static_cast<void>(!pwrite(memory.get(), planted_.before, sizeof(planted_.before), offset));
}

// Threads that stand where a breakpoint will be go one instruction on before it is there.
Status TracedProcess::step_over(const RunOptions& options, std::span<TracedThread* const> runners, Stop* stop,
                                bool* tells) {
  for (TracedThread* thread : runners) {
    Registers* registers;
    if (Status status = thread->get_registers(&registers); !status.is_ok()) return status;
    const bool comes_back = thread->has_entered() || (registers->is_in_call() && is_restart(registers->result()));
    if (registers->at() != options.breakpoint || comes_back || thread->offer == Offer::signal) continue;
    if (Status status = step(*thread, options, stop, tells); !status.is_ok() || *tells) return status;
  }
  return Status::ok();
}

Status TracedProcess::step(TracedThread& thread, const RunOptions& options, Stop* stop, bool* tells) {
  std::byte code[Registers::kCall.size()];
  const bool is_call =
      read(options.breakpoint, code, sizeof(code)).is_ok() && memcmp(code, Registers::kCall.data(), sizeof(code)) == 0;
  RunOptions without = options;
  without.has_breakpoint = false;
  for (;;) {
    // A call is looked at as any other is, and not run over.
    if (Status status = thread.run(is_call ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, 0); !status.is_ok()) return status;
    Waiting::News news;
    if (Status status = wait_on(thread, &news); !status.is_ok()) return status;
    Verdict verdict;
    if (Status status = look_at(thread, news.status, without, &verdict, stop); !status.is_ok()) return status;
    if (verdict == Verdict::gone) return Status::process_gone(pid_, "was killed");
    if (verdict == Verdict::tell) break;
    // An interruption that came late is no step.
    if (thread.place == Place::call_entry) return Status::ok();
  }
  const bool was_step = stop->kind == StopKind::signal && stop->value == SIGTRAP && thread.signal.si_code > 0;
  if (was_step) thread.offer = Offer::none;
  *tells = !was_step;
  return Status::ok();
}

}  // namespace pagestore
