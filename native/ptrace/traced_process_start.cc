// How a process comes to be ours: as a child that becomes a program, or as a fork of one that was started.
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "linux/proc_file.h"
#include "linux/thread_status.h"
#include "ptrace/seizing.h"
#include "ptrace/taken_child.h"
#include "ptrace/time_stamp_counter.h"
#include "ptrace/traced_process.h"
#include "system/assert.h"
#include "system/old_glibc.h"

namespace pagestore {

// Before anything can fail that leaves the child to be killed.
Status TracedProcess::begin_child(pid_t pid, bool has_filter, const SystemCallSet& further_calls) {
  PS_ASSERT(traits_.pid == 0);
  tracer_ = this_thread();
  traits_.pid = pid;
  traits_.is_spawned = true;
  traits_.has_filter = has_filter;
  traits_.further_calls = further_calls;
  traits_.has_others_filter = has_system_call_filter(pid);
  if (has_filter) followers_.keep_tracing();
  if (Status status = waiter_.begin(pid, false); !status.is_ok()) return status;
  loop_.set_last({}, pid);
  TracedThread* thread;
  return threads_.add(pid, &thread);
}

long TracedProcess::child_options() const {
  return kTraceOptions | PTRACE_O_EXITKILL | (traits_.has_filter ? PTRACE_O_TRACESECCOMP : 0);
}

Status TracedProcess::seize_child(pid_t pid, bool has_filter, const SystemCallSet& further_calls) {
  if (Status status = begin_child(pid, has_filter, further_calls); !status.is_ok()) return status;
  if (ptrace(PTRACE_SEIZE, pid, nullptr, child_options()) == 0) return Status::ok();
  return process_refused(pid, "ptrace(PTRACE_SEIZE)", errno);
}

Status TracedProcess::take_child() {
  const ThreadTable::InUse in_use(threads_);
  const Status status = take_traced_child(*threads_.all()[0], waiter_, child_options());
  return has_ended() ? Status::ok() : status;
}

Status TracedProcess::seize_taken_child() {
  const ThreadTable::InUse in_use(threads_);
  int64_t result = 0;
  Status status = seize_taken(*threads_.all()[0], waiter_, child_options());
  return status.is_ok() ? call({SYS_prctl, {PR_SET_PDEATHSIG, 0}}, &result) : status;
}

Status TracedProcess::run_to_exec(Stop* stop) {
  PS_ASSERT(tracer_ == this_thread() && traits_.is_spawned);
  const ThreadTable::InUse in_use(threads_);
  return loop_.run_to_exec(stop);
}

void TracedProcess::keep_clock() {
  traits_.keeps_clock = true;
  traits_.answers_counter = kHasCounter;
  followers_.keep_tracing();
  followers_.answer_counter();
}

void TracedProcess::set_clock(int64_t elapsed, const KeptAlarm& alarm) {
  clock_.set(elapsed);
  clock_.set_alarm(alarm, monotonic_nanoseconds());
}

Status TracedProcess::begin() {
  clock_.begin();
  if (!traits_.answers_counter || traits_.keeps_clock) return Status::ok();
  traits_.answers_counter = false;
  int64_t result = 0;
  return call(call_to_enable_counter(), &result);
}

// The kernel traces what a traced process starts, and stops it before it runs.
Status TracedProcess::fork_from(TracedProcess& other) {
  PS_ASSERT(traits_.pid == 0);
  TracedThread *original, *thread = nullptr;
  TracedThread::Context context;
  int64_t pid = 0;
  if (Status status = other.check(); !status.is_ok()) return status;
  if (Status status = other.thread({}, &original); !status.is_ok()) return status;
  const RemoteAddress id_address = original->id_address().value_or(RemoteAddress());
  const uint64_t id = id_address.value();
  const uint64_t flags = CLONE_PARENT | SIGCHLD | (id != 0 ? CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID : 0);
#if defined(__x86_64__)
  const SystemCall clone{SYS_clone, {flags, 0, 0, id, 0}};
#else
  const SystemCall clone{SYS_clone, {flags, 0, 0, 0, id}};
#endif
  if (Status status = other.call(clone, &pid); !status.is_ok()) return status;
  if (pid < 0) return Status::system(Error::spawn, "clone in the program", static_cast<int>(-pid));
  Status status = adopt(other, static_cast<pid_t>(pid), &thread);
  if (status.is_ok()) status = original->get_context(&context);
  if (status.is_ok()) status = thread->set_context(context);
  if (status.is_ok()) status = begin_fork(other);
  if (!status.is_ok()) kill();
  return status;
}

Status TracedProcess::adopt(const TracedProcess& other, pid_t pid, TracedThread** thread) {
  tracer_ = this_thread();
  traits_ = other.traits_;
  traits_.pid = pid;
  if (Status status = program_.begin_as(other.program_); !status.is_ok()) return status;
  clock_.set(other.clock_.elapsed());
  files_.set_own_descriptors(OwnDescriptors::nobody);
  if (Status status = waiter_.begin(pid, false); !status.is_ok()) return status;
  loop_.set_last({}, pid);
  if (traits_.has_filter) followers_.keep_tracing();
  if (traits_.keeps_clock) followers_.keep_tracing();
  if (traits_.keeps_clock) followers_.answer_counter();
  if (Status status = threads_.add(pid, thread); !status.is_ok()) return status;
  WaitEvent event;
  if (Status status = waiter_.wait_for_stop(**thread, &event); !status.is_ok()) return status;
  (*thread)->enter(activity::Interrupted{});
  const TracedThread& original = *other.threads_.all()[0];
  if (original.id_address()) (*thread)->set_id_address(*original.id_address());
  (*thread)->set_faulting_counter(original.has_faulting_counter());
  (*thread)->set_first_stack(original.first_stack());
  return memory_.open(pid);
}

// What a fork does not have of its parent, and a start has.
Status TracedProcess::begin_fork(const TracedProcess& other) {
  int64_t result = 0;
  uint64_t list = 0;
  size_t length = 0;
  if (Status status = call({SYS_setsid, {}}, &result); !status.is_ok()) return status;
  if (syscall(SYS_get_robust_list, other.pid(), &list, &length) != 0 || list == 0) return Status::ok();
  return call({SYS_set_robust_list, {list, length}}, &result);
}

}  // namespace pagestore
