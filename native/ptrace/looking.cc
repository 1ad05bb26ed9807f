// What a thread has stopped for, and whether that is to be told.
#include <dirent.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "linux/thread_status.h"
#include "ptrace/call_filter.h"
#include "ptrace/traced_process.h"
#include "ptrace/trap.h"
#include "system/mapping.h"

namespace pagestore {

namespace {

Stop stop_of(StopKind kind, const TracedThread& thread, int64_t value = 0) {
  Stop stop;
  stop.kind = kind;
  stop.thread = thread.id();
  stop.value = value;
  return stop;
}

bool is_wanted(const RunOptions& options, int64_t call) {
  return options.stops_at_calls && call >= 0 && call < static_cast<int64_t>(kMostCalls) &&
         options.calls[static_cast<size_t>(call)];
}

// As the C library asks for the number that it marks freed blocks with: eight bytes, at once or not at all.
bool is_heap_key(const RegisterCall& call) {
  constexpr uint64_t kAtOnce = 1;
  return call.arguments[1] == sizeof(uint64_t) && call.arguments[2] == kAtOnce;
}

}  // namespace

Status TracedProcess::look_at(TracedThread& thread, int status, const RunOptions& options, Verdict* verdict,
                              Stop* stop) {
  *verdict = Verdict::go_on;
  thread.is_in_vfork = false;
  if (!WIFSTOPPED(status)) {
    *verdict = has_gone(thread, status, stop);
    return Status::ok();
  }
  const int signal = WSTOPSIG(status), event = event_of(status);
  thread.place = Place::interrupted;
  if (signal == kCallStop) return look_at_call(thread, options, false, verdict, stop);
  if (event == PTRACE_EVENT_SECCOMP) return look_at_call(thread, options, true, verdict, stop);
  if (event == PTRACE_EVENT_STOP) {
    // A job-control stop lasts until somebody ends it; anything else is an interruption that came late.
    thread.is_held = signal != SIGTRAP;
    if (thread.is_held && ptrace(PTRACE_LISTEN, thread.id(), nullptr, nullptr) == 0) {
      thread.place = Place::running;
    } else {
      thread.was_interrupted();
    }
    return Status::ok();
  }
  if (event != 0) return look_at_event(thread, event, verdict, stop);
  thread.place = Place::signal;
  return look_at_signal(thread, signal, options, verdict, stop);
}

TracedProcess::Verdict TracedProcess::has_gone(TracedThread& thread, int status, Stop* stop) {
  if (thread.id() != pid_) {
    remove_thread(thread.id());
    return Verdict::gone;
  }
  has_ended_ = true;
  *stop = WIFEXITED(status) ? stop_of(StopKind::exit, thread, WEXITSTATUS(status))
                            : stop_of(StopKind::killed, thread, WTERMSIG(status));
  stop->has_ended = true;
  end_ = *stop;
  return Verdict::gone;
}

// Of the first thread's end nothing is heard before those of all others have been taken: also of threads
// that we were told nothing of yet.
void TracedProcess::take_others_that_ended(pid_t id) {
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/task", pid_);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path), closedir);
  while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
    const pid_t other = atoi(entry->d_name);
    if (other > 0 && other != pid_ && other != id && Waiting::take_if_ended(other, spared_)) remove_thread(other);
  }
}

Status TracedProcess::look_at_call(TracedThread& thread, const RunOptions& options, bool by_filter, Verdict* verdict,
                                   Stop* stop) {
  // The filter shows entries alone, and its questions are answered in registers.
  if (by_filter) {
    Registers* registers;
    if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
    return look_at_entry(thread, registers->call(), options, true, verdict, stop);
  }
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, thread.id(), sizeof(info), &info) < 0) {
    return Status::process_gone(pid_, "was killed");
  }
  if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    thread.place = Place::call_exit;
    thread.swallows_filter = false;
    const int64_t call = std::exchange(thread.call, -1);
    if (!is_wanted(options, call)) return Status::ok();
    *stop = stop_of(StopKind::call, thread, call);
    *verdict = Verdict::tell;
    return Status::ok();
  }
  RegisterCall call{static_cast<int64_t>(info.entry.nr), {}};
  std::copy(std::begin(info.entry.args), std::end(info.entry.args), call.arguments.begin());
  return look_at_entry(thread, call, options, false, verdict, stop);
}

Status TracedProcess::look_at_entry(TracedThread& thread, const RegisterCall& call, const RunOptions& options,
                                    bool by_filter, Verdict* verdict, Stop* stop) {
  const auto& [number, arguments] = call;
  thread.place = Place::call_entry;
  if (by_filter && std::exchange(thread.swallows_filter, false)) return Status::ok();
  const CallKind kind = kind_of_call(number);
  thread.call = number;
  thread.swallows_filter = has_filter_ && !by_filter && kind != CallKind::other;
  if (std::exchange(thread.swallowed_call, -1) == number) return Status::ok();
  switch (kind) {
    case CallKind::mapping:
      mappings_changed_ = true;
      // What was there may be gone although the same is mapped again: pages and their tables.
      if (number == SYS_munmap) note_advice(arguments[0], arguments[1]);
      if (number == SYS_mremap) note_advice(arguments[0], std::max(arguments[1], arguments[2]));
      break;
    case CallKind::advice:
      note_advice(arguments[0], arguments[1]);
      break;
    case CallKind::id_address:
      thread.id_address = arguments[0];
      break;
    case CallKind::random:
      if (fixes_random_ && is_heap_key(call)) return answer_random(thread, call);
      break;
    case CallKind::check:
    case CallKind::choice:
    case CallKind::assertion:
      return answer(thread, call, kind, verdict, stop);
    case CallKind::end_of_process:
    case CallKind::end_of_thread: {
      const bool ends_all = kind == CallKind::end_of_process || is_only_thread(thread);
      thread.offer = ends_all ? Offer::end_of_process : Offer::end_of_thread;
      *stop =
          stop_of(ends_all ? StopKind::exit : StopKind::thread_exit, thread, static_cast<int64_t>(arguments[0] & 0xff));
      *verdict = Verdict::tell;
      return Status::ok();
    }
    case CallKind::other:
      break;
  }
  if (!is_wanted(options, number)) return Status::ok();
  thread.offer = Offer::call;
  *stop = stop_of(StopKind::call, thread, number);
  stop->is_entry = true;
  *verdict = Verdict::tell;
  return Status::ok();
}

// The pages may be gone. Without room to note which, all of it is looked at.
void TracedProcess::note_advice(uint64_t address, uint64_t length) {
  const uint64_t start = address / page_size() * page_size();
  AddressRange range;
  if (!range_of(start, round_up(address - start + length, page_size()), &range).is_ok()) return;
  if (!advised_.append(range)) mappings_changed_ = true;
}

bool TracedProcess::is_only_thread(const TracedThread& thread) const {
  return std::all_of(threads_.begin(), threads_.end(),
                     [&](const TracedThread* each) { return each == &thread || each->place == Place::ended; });
}

// The C library marks blocks of its heap with a number, which would differ from run to run and matters to nobody.
Status TracedProcess::answer_random(TracedThread& thread, const RegisterCall& call) {
  constexpr uint64_t kFixed = 0x6b65'7920'6f66'2061;
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (!write(call.arguments[0], &kFixed, sizeof(kFixed)).is_ok()) return Status::ok();
  registers->leave_call();
  registers->set_result(sizeof(kFixed));
  thread.changed();
  thread.call = -1;
  thread.swallows_filter = false;
  return Status::ok();
}

// The program says something. The call is not made; its result is ours, at once or with the next `resume`.
Status TracedProcess::answer(TracedThread& thread, const RegisterCall& call, CallKind kind, Verdict* verdict,
                             Stop* stop) {
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  registers->leave_call();
  thread.changed();
  thread.call = -1;
  thread.swallows_filter = false;
  if (kind == CallKind::check) {
    declarations_ = call.arguments[0];
    registers->set_result(trap::kUnderCheck);
    return Status::ok();
  }
  const bool is_choice = kind == CallKind::choice;
  const int ways = std::max(static_cast<int>(call.arguments[0]), 0);
  *stop = stop_of(is_choice ? StopKind::choice : StopKind::assertion, thread, is_choice ? ways : 0);
  if (!is_choice) registers->set_result(0);  // else nobody has listened, and the program aborts
  if (!is_choice) stop->text = call.arguments[0];
  stop->file = call.arguments[1];
  stop->line = call.arguments[2];
  *verdict = Verdict::tell;
  if (!is_choice) return Status::ok();
  thread.offer = Offer::choice;
  thread.ways = ways;
  thread.file = stop->file;
  thread.line = stop->line;
  return Status::ok();
}

Status TracedProcess::look_at_signal(TracedThread& thread, int signal, const RunOptions& options, Verdict* verdict,
                                     Stop* stop) {
  *verdict = Verdict::tell;
  siginfo_t info{};
  if (ptrace(PTRACE_GETSIGINFO, thread.id(), nullptr, &info) != 0) return Status::process_gone(pid_, "was killed");
  if (signal == SIGTRAP && options.has_breakpoint && (info.si_code == SI_KERNEL || info.si_code == TRAP_BRKPT)) {
    Registers* registers;
    if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
    const uint64_t place = registers->at() - Registers::kPastBreakpoint;
    if (place == options.breakpoint) {
      registers->at() = place;
      thread.changed();
      *stop = stop_of(StopKind::breakpoint, thread);
      stop->address = place;
      return Status::ok();
    }
  }
  thread.offer = Offer::signal;
  thread.signal = info;
  *stop = thread.signal_stop();
  return Status::ok();
}

Status TracedProcess::look_at_event(TracedThread& thread, int event, Verdict* verdict, Stop* stop) {
  unsigned long message = 0;
  if (ptrace(PTRACE_GETEVENTMSG, thread.id(), nullptr, &message) != 0) return Status::process_gone(pid_, "was killed");
  const auto id = static_cast<pid_t>(message);
  *verdict = Verdict::tell;
  switch (event) {
    case PTRACE_EVENT_EXEC:
      return has_become(thread, stop);
    case PTRACE_EVENT_CLONE:
      if (is_thread_of(pid_, id)) {
        *stop = stop_of(StopKind::clone, thread, id);
        return meet_thread(thread, id);
      }
      [[fallthrough]];
    case PTRACE_EVENT_FORK:
      *stop = stop_of(StopKind::fork, thread, id);
      if (Status status = meet_process(id); !status.is_ok()) return status;
      return finish_call(thread);
    case PTRACE_EVENT_VFORK:
      // Its parent cannot leave the call before the child has ended or become another program.
      *stop = stop_of(StopKind::fork, thread, id);
      thread.place = Place::inside;
      thread.is_in_vfork = true;
      take_breakpoint_away();  // from memory that both have
      return meet_process(id);
    default:
      *verdict = Verdict::go_on;
      return Status::ok();
  }
}

}  // namespace pagestore
