// What a process brings forth: threads, processes, and itself as another program.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "ptrace/traced_process.h"

namespace pagestore {

namespace {

constexpr uint64_t kNotesId = 0x0020'0000;  // CLONE_CHILD_CLEARTID

#if defined(__x86_64__)
constexpr size_t kIdArgument = 3;
#else
constexpr size_t kIdArgument = 4;
#endif

}  // namespace

// The new thread stands before its first instruction, the old one behind the call.
Status TracedProcess::meet_thread(TracedThread& parent, pid_t id) {
  Registers* registers;
  if (Status status = parent.get_registers(&registers); !status.is_ok()) return status;
  const RegisterCall call = registers->call();
  TracedThread* thread;
  if (Status status = add_thread(id, &thread); !status.is_ok()) return status;
  Waiting::News news;
  if (Status status = wait_on(*thread, &news); !status.is_ok()) return status;
  thread->place = Place::interrupted;
  // Where the number is noted that the kernel clears at the thread's end: clone has it as an argument,
  // clone3 in a struct.
  if (call.number == SYS_clone && (call.arguments[0] & kNotesId) != 0) thread->id_address = call.arguments[kIdArgument];
  if (call.number == SYS_clone3) {
    uint64_t words[3] = {};
    if (read(call.arguments[0], words, sizeof(words)).is_ok() && (words[0] & kNotesId) != 0) {
      thread->id_address = words[2];
    }
  }
  return finish_call(parent);
}

// A child is left alone; where there is a filter, which it has, too, it must have a tracer.
Status TracedProcess::meet_process(pid_t id) {
  int status;
  if (waitpid(id, &status, __WALL | __WNOTHREAD) != id || !WIFSTOPPED(status)) return Status::ok();
  take_breakpoint_from(id);
  if (!has_filter_) {
    ptrace(PTRACE_DETACH, id, nullptr, 0);
    return Status::ok();
  }
  return follow(id);
}

Status TracedProcess::follow(pid_t follower) {
  if (!followers_.append(follower)) {
    ::kill(follower, SIGKILL);
    return Status::out_of_memory("realloc", sizeof(pid_t), ENOMEM);
  }
  ptrace(PTRACE_CONT, follower, nullptr, 0);
  return Status::ok();
}

// It runs on, whatever it stopped for.
void TracedProcess::look_at_follower(pid_t follower, int status) {
  if (!WIFSTOPPED(status)) {
    for (size_t i = 0; i < followers_.size(); ++i) {
      if (followers_[i] == follower) followers_.erase(i, 1);
    }
    return;
  }
  const int event = event_of(status), signal = WSTOPSIG(status);
  if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
    unsigned long child = 0;
    ptrace(PTRACE_GETEVENTMSG, follower, nullptr, &child);
    static_cast<void>(meet_process(static_cast<pid_t>(child)));
  }
  const bool is_call = signal == kCallStop;
  if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
    ptrace(PTRACE_LISTEN, follower, nullptr, nullptr);
  } else {
    ptrace(PTRACE_CONT, follower, nullptr, event == 0 && !is_call ? signal : 0);
  }
}

// After exec the first thread is the only one, and nothing of the memory is what it was.
Status TracedProcess::has_become(TracedThread& thread, Stop* stop) {
  for (size_t i = threads_.size(); i-- > 0;) {
    if (threads_[i] != &thread) remove_thread(threads_[i]->id());
  }
  ++program_;
  mappings_changed_ = true;
  declarations_ = 0;
  call_instruction_ = 0;
  planted_.address = 0;  // it went with the program before
  thread.begin_anew();
  stop->kind = StopKind::exec;
  stop->thread = thread.id();
  if (Status status = finish_call(thread); !status.is_ok()) return status;
  return open_memory();
}

}  // namespace pagestore
