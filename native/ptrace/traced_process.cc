#include "ptrace/traced_process.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "linux/elf_class.h"
#include "linux/kernel_mappings.h"
#include "linux/proc_file.h"
#include "linux/process_regions.h"
#include "linux/thread_status.h"
#include "ptrace/answered_calls.h"
#include "ptrace/call_return.h"
#include "ptrace/hidden_register.h"
#include "ptrace/processor.h"
#include "ptrace/release/late_releases.h"
#include "ptrace/seizing.h"
#include "ptrace/trap.h"
#include "system/assert.h"
#include "system/old_glibc.h"
#include "system/phase_clock.h"

namespace pagestore {

// A number that costs a system call only once a thread.
pid_t TracedProcess::this_thread() {
  thread_local const pid_t id = current_thread();
  return id;
}

TracedProcess::~TracedProcess() {
  if (traits_.pid != 0 && !has_ended()) {
    if (traits_.is_spawned || !detach().is_ok()) kill();
  }
  followers_.kill(waiter_);
}

Status TracedProcess::check() const {
  if (tracer_ != this_thread()) {
    return Status::system(Error::wrong_thread, "a tracee belongs to the thread that made it", EPERM);
  }
  return has_ended() ? Status::process_gone(traits_.pid, "has ended") : Status::ok();
}

Status TracedProcess::check_interface() const {
  if (program_.is_32_bit) return Status::system(Error::tracee, "a 32-bit program", ENOTSUP);
  if (!program_.has_made_other_calls) return Status::ok();
  return Status::system(Error::tracee, "a program that has made system calls of another interface (int 0x80, x32)",
                        ENOTSUP);
}

Status TracedProcess::thread(std::optional<pid_t> id, TracedThread** thread) const {
  *thread = threads_.find(id.value_or(last_thread()));
  if (!id && (*thread == nullptr || (*thread)->has_ended())) *thread = threads_.first_live();
  if (*thread != nullptr && !(*thread)->has_ended()) return Status::ok();
  return Status::refused(Error::thread, static_cast<uint64_t>(id.value_or(last_thread())),
                         static_cast<uint64_t>(traits_.pid));
}

pid_t TracedProcess::live_thread() const {
  const TracedThread* thread = threads_.first_live();
  return thread != nullptr ? thread->id() : traits_.pid;
}

void TracedProcess::set_last_stop(const Stop& stop, pid_t thread, const Declarers& declarers) {
  loop_.set_last(stop, thread);
  program_.declarers = declarers;
}

Status TracedProcess::write(RemoteAddress address, const void* bytes, size_t count) {
  changes_.mark_run();
  return memory_.write(address, bytes, count);
}

// What it made of its mappings before we saw its calls.
Status TracedProcess::find_flagged_mappings() {
  RegionList regions;
  if (Status status = read_flagged_regions_of(live_thread(), &regions); !status.is_ok()) return status;
  RegionReader reader(regions.bytes());
  for (Region region; reader.next(&region);) {
    if (region.grows_down && region.path != "[stack]") {
      program_.growing = around(program_.growing, {region.start, region.end});
    }
    program_.has_seals = program_.has_seals || (region.is_sealed && !is_kernel_mapping(region));
    if (!region.is_served && !region.reports_writes) continue;
    if (Status status = program_.registered.add({region.start, region.end}, region.is_served); !status.is_ok()) {
      return status;
    }
  }
  return Status::ok();
}

// The kernel shows which mappings are registered, but not with what: none of these is with ours.
Status TracedProcess::find_given_up_memory() {
  const bool may_differ = program_.may_have_given_up || changes_.has_changed_mappings();
  if (program_.registered.all.empty() || !may_differ) return Status::ok();
  RegionList regions;
  RegisteredMemory still;
  if (Status status = read_flagged_regions_of(live_thread(), &regions); !status.is_ok()) return status;
  RegionReader reader(regions.bytes());
  for (Region region; reader.next(&region);) {
    if (!region.is_served && !region.reports_writes) continue;
    for (const AddressRange& each : program_.registered.all.overlapping({region.start, region.end})) {
      const AddressRange part{std::max(each.start, region.start), std::min(each.end, region.end)};
      if (Status status = still.add(part, region.is_served); !status.is_ok()) return status;
    }
  }
  const auto are_equal = [](const RangeSet& a, const RangeSet& b) {
    return std::equal(a.ranges().begin(), a.ranges().end(), b.ranges().begin(), b.ranges().end());
  };
  program_.may_have_given_up = false;
  const RegisteredMemory& before = program_.registered;
  if (are_equal(still.all, before.all) && are_equal(still.served, before.served)) return Status::ok();
  changes_.mark_mappings_changed();
  program_.registered = std::move(still);
  return Status::ok();
}

Status TracedProcess::attach(pid_t pid) {
  PS_ASSERT(traits_.pid == 0);
  const ThreadStatus process = read_thread_status(pid, pid);
  if (process.has_ended) return Status::process_gone(pid, "has ended");
  // Other threads of a process have numbers, too.
  const ScopedFd descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!descriptor.is_open() && errno == EINVAL) return Status::process_gone(pid, "is a thread and no process");
  tracer_ = this_thread();
  const bool is_our_child = process.parent == getpid();
  if (is_our_child && tracer_ != getpid()) {
    // The loop that waits for Node's children would take its stops.
    return Status::system(Error::wrong_thread, "attaching to a child of this process takes its main thread", EPERM);
  }
  if (Status status = waiter_.begin(pid, is_our_child); !status.is_ok()) return status;
  traits_.pid = pid;
  traits_.outlives_us = Stub::kIsThere;
  waiter_.keep_signals();
  loop_.set_last({}, pid);
  traits_.has_others_filter = has_system_call_filter(pid);
  Status status = seize_all();
  if (status.is_ok()) status = find_interface();
  if (status.is_ok()) status = memory_.open(pid);
  if (status.is_ok()) status = find_flagged_mappings();
  if (status.is_ok() && traits_.outlives_us) status = free_threads();
  program_.may_have_children = true;
  followers_.started().mark_unseen_sharers();
  files_.set_own_descriptors(OwnDescriptors::perhaps);
  if (!status.is_ok()) static_cast<void>(release_all());
  return status;
}

// Nothing may be injected into 32-bit code. A 64-bit program may run some in a thread of its own, as emulators do.
Status TracedProcess::find_interface() {
  program_.is_32_bit = is_32_bit_program(traits_.pid);
  for (TracedThread* thread : threads_.all()) {
    Registers* registers;
    if (!thread->is_stopped()) continue;
    if (Status status = thread->get_registers(&registers); !status.is_ok()) return status;
    program_.is_32_bit = program_.is_32_bit || registers->runs_32_bit_code();
  }
  return check_interface();
}

// Those that one before us left in its stubs, as it was killed.
Status TracedProcess::free_threads() {
  RegionList regions;
  if (Status status = read_regions_of(live_thread(), &regions); !status.is_ok()) return status;
  return injected_.stubs()->slots().free_threads(regions, threads_);
}

Status TracedProcess::put_back_threads() {
  if (!traits_.outlives_us) return Status::ok();
  for (TracedThread* thread : threads_.all()) {
    if (!thread->is_stopped()) continue;
    if (Status status = thread->flush_registers(); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status TracedProcess::seize_all() {
  const auto is_known = [this](pid_t id) { return threads_.find(id) != nullptr; };
  const auto before = [this](pid_t id, bool*) {
    if (!is_inside_vfork(traits_.pid, id)) return threads_.prepare();
    return Status::system(Error::tracee, "a process that waits in vfork for its child to be another program", EBUSY);
  };
  const auto stop = [this](pid_t id, const ThreadSleep& sleep) {
    TracedThread* thread;
    if (Status status = threads_.add(id, &thread); !status.is_ok()) return status;
    thread->sleep() = sleep;
    if (Status status = loop_.wait_until_stopped({}); !status.is_ok()) return status;
    return has_ended() ? Status::process_gone(traits_.pid, "has ended") : Status::ok();
  };
  return seize_threads({traits_.pid, kTraceOptions}, is_known, before, stop);
}

Status TracedProcess::resume(const RunOptions& options, Stop* stop) {
  const InPhase phase(Phase::stop);
  if (Status status = check(); !status.is_ok()) return status;
  const ThreadTable::InUse in_use(threads_);
  TracedThread* asked;
  if (Status status = thread(options.thread, &asked); !status.is_ok()) return status;
  if (!options.breakpoint) {
    if (Status status = kernel_breakpoint_.put_back(threads_, injected_, waiter_); !status.is_ok()) return status;
  }
  if (traits_.outlives_us) injected_.stubs()->forget_given();
  const Status status = loop_.resume(*asked, options, stop);
  if (next_processor_) {
    const auto [from, to] = *std::exchange(next_processor_, {});
    for (const TracedThread* thread : threads_.all()) move_to_processor(thread->id(), from, to);
  }
  return status;
}

Status TracedProcess::show_all_registers() {
  const ThreadTable::InUse in_use(threads_);
  for (TracedThread* thread : threads_.all()) {
    if (!thread->is_stopped() || thread->is_inside_vfork()) continue;
    if (Status status = leave_entry(waiter_, *thread); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status TracedProcess::call(const SystemCall& call, int64_t* result, TracedThread* maker) {
  PS_ASSERT(tracer_ == this_thread());
  const ThreadTable::InUse in_use(threads_);
  if (maker == nullptr) {
    if (Status status = thread({}, &maker); !status.is_ok()) return status;
    maker = &injected_.choose_maker(*maker, call);
  }
  return injected_.make(*maker, call, result);
}

// Zombies stay until they are reaped; that of the first thread comes after all others.
void TracedProcess::kill() {
  if (traits_.pid == 0) return;
  if (!has_ended()) {
    is_released_ = true;
    ::kill(traits_.pid, SIGKILL);
    while (!waiter_.reap_or_pause(traits_.pid)) waiter_.reap_threads();
  }
  followers_.kill(waiter_);
}

Status TracedProcess::detach() {
  if (Status status = check(); !status.is_ok()) return status;
  if (traits_.has_filter) {
    return Status::system(Error::tracee, "detaching what was spawned without { detachable: true }", EPERM);
  }
  if (traits_.keeps_clock) {
    // Its clocks would jump, perhaps back.
    return Status::system(Error::tracee, "detaching what was spawned with { deterministic: { time: true } }", EPERM);
  }
  for (const RemoteAddress declarations : declarers().all()) {
    const uint32_t none = 0;
    static_cast<void>(write(declarations + offsetof(trap::Ranges, is_checked), &none, sizeof(none)));
  }
  Status status = Status::ok();
  if (traits_.outlives_us) {
    const ThreadTable::InUse in_use(threads_);
    status = kernel_breakpoint_.put_back(threads_, injected_, waiter_);
    static_cast<void>(injected_.stubs()->clear());
  }
  // The process is let go all the same.
  const Status released = release_all();
  return released.is_ok() ? status : released;
}

// All threads, whatever fails, and also those that have not stopped.
Status TracedProcess::release_all() {
  Status result = Status::ok();
  is_released_ = true;
  for (const TracedThread* thread : threads_.all()) {
    if (thread->is_running()) LateReleases::here().release(thread->id(), waiter_.leaves_zombie_of(thread->id()));
  }
  for (TracedThread* thread : threads_.all()) {
    if (!thread->is_stopped()) continue;
    const Status status = detach_thread(*thread);
    if (status.is_ok() || status.error() == Error::process_gone) continue;
    result = status;
    static_cast<void>(thread->flush_registers());
    if (detach_stopped(thread->id(), 0)) thread->mark_dying();
  }
  // Threads that were killed meanwhile, perhaps by the signal of the first, wait to be reaped; the first one last.
  for (const bool is_first : {false, true}) {
    for (const TracedThread* thread : threads_.all()) {
      if (!thread->is_stopped() || (thread->id() == traits_.pid) != is_first) continue;
      while (!waiter_.reap_or_pause(thread->id())) continue;
    }
  }
  return result;
}

Status TracedProcess::detach_thread(TracedThread& thread) {
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (thread.asks(question::Kind::choice)) {
    // The program learns that nobody chooses any more.
    registers->set_result(UINT64_MAX);
    thread.mark_registers_dirty();
  }
  if (Status status = leave_cancelled_call(traits_, injected_, thread); !status.is_ok()) return status;
  if (Status status = take_back_to_call(waiter_, memory_, thread); !status.is_ok()) return status;
  waits_.before_release(thread);
  int signal = thread.asked_signal() != nullptr ? thread.asked_signal()->si_signo : 0;
  if (signal != 0 && !thread.is_at(activity::Kind::signal_delivery)) {
    signal_thread(traits_.pid, thread.id(), signal);
    signal = 0;
  }
  return thread.run(PTRACE_DETACH, signal);
}

}  // namespace pagestore
