// A process under our control: its threads run when we say so, and stop for what we ask.
//
// Between two calls all threads are stopped. `resume` lets threads run until one of them stops for something
// that is to be reported (run_loop.h). System calls that we must see stop a thread without being reported: by a
// filter where the process was spawned with one (system_call_filter.h); else every call stops it, which is slow.
//
// One thread, the one that began to trace the process, makes all calls. Nobody else's children are waited for.
// It leaves to its caller: to `kill` or `detach`. A process that was spawned ends with ours in any case.
#pragma once

#include <optional>

#include "linux/userfaultfd.h"
#include "ptrace/run_loop.h"
#include "system/non_copyable.h"

namespace pagestore {

class TracedProcess : NonCopyable {
 public:
  ~TracedProcess();

  // A child that waits until it is traced; from now on it ends with us. `further_calls`: of its filter, if it has one.
  Status seize_child(pid_t pid, bool has_filter, const SystemCallSet& further_calls);
  // Where the kernel refused that: the child asks to be traced (taken_child.h), or has ended; it is seized once it is
  // the program.
  Status take_child();
  Status seize_taken_child();
  // The number that the C library marks its heap with is always the same.
  void make_heap_deterministic() { traits_.has_deterministic_heap = true; }
  // Its addresses are other ones at each start.
  void mark_random_addresses() { traits_.has_random_addresses = true; }
  bool has_random_addresses() const { return traits_.has_random_addresses; }
  // Reads of the processor's counter, which the child has disabled, are answered until `begin`.
  void answer_counter() { traits_.answers_counter = true; }
  // The child's time is ours from its start on (kept_clock.h); it has disabled its counter, and can never be detached.
  void keep_clock();
  // Lets a child that was seized run until it is another program, or has ended.
  Status run_to_exec(Stop* stop);
  // The program's own code begins.
  Status begin();
  // Becomes a fork of a process that was started, has one thread, and is where its own code begins; in a session of its
  // own. On failure there is none.
  Status fork_from(TracedProcess& other);
  // Begins to trace a process that runs; all of its threads are stopped.
  Status attach(pid_t pid);

  Status resume(const RunOptions& options, Stop* stop);
  // From the end of the next run on, threads that are bound to one processor alone are bound to another one.
  void change_processor(int from, int to) { next_processor_ = {from, to}; }

  // A system call that the process makes for us, and its result: `maker` does, or the thread that stopped last, unless
  // a filter of its own allows it only to another.
  Status call(const SystemCall& call, int64_t* result, TracedThread* maker = nullptr);

  // Nothing that was changed of the threads is left to be written: what we end with now, the process goes on with.
  Status put_back_threads();

  void kill();
  Status detach();

  pid_t pid() const { return traits_.pid; }
  bool has_ended() const { return is_released_ || waiter_.end().has_value(); }
  Status check() const;  // that the process is there, and the caller is the thread that traces it
  // That what it does is what we see: refused for a 32-bit program, and for one that made calls of another interface.
  Status check_interface() const;

  std::span<TracedThread* const> threads() const { return threads_.all(); }
  const ThreadTable& thread_table() const { return threads_; }
  // Without `id` the one that stopped last, or another if that one has ended.
  Status thread(std::optional<pid_t> id, TracedThread** thread) const;
  pid_t last_thread() const { return loop_.last_thread(); }
  pid_t restless() const { return loop_.restless(); }  // see run_loop.h
  // The number of a thread that has not ended: /proc shows by it what all threads share. The process's own number
  // where all have ended.
  pid_t live_thread() const;

  // What happened to its memory since `mark_known`, see memory_changes.h.
  bool has_run() const { return changes_.has_run(); }
  bool has_changed_mappings() const { return changes_.has_changed_mappings(); }
  bool has_unseen_changes() const { return changes_.has_unseen(); }
  std::span<const AddressRange> advised() const { return changes_.advised(); }
  void mark_mappings_changed() { changes_.mark_mappings_changed(); }
  // A call of ours has replaced the pages there.
  void mark_replaced(const AddressRange& range) { changes_.add_advice(range.start, range.length()); }
  void mark_known() { changes_.mark_known(); }

  bool has_filter() const { return traits_.has_filter; }
  bool has_others_filter() const { return traits_.has_others_filter; }

  // What happened to its descriptors, see file_changes.h.
  FileChanges& file_changes() { return files_; }

  // Counts the programs that the process has been: each exec makes one more.
  uint32_t program() const { return program_.number; }
  const Declarers& declarers() const { return program_.declarers; }
  // Around all mappings that it made to grow down.
  const AddressRange& growing() const { return program_.growing; }
  void set_growing(const AddressRange& range) { program_.growing = range; }
  // What it has registered with userfaultfds of its own; the second leaves out what it has given up since.
  const RegisteredMemory& registered() const { return program_.registered; }
  Status find_given_up_memory();
  // Where the kernel may drop pages that the program has freed, until somebody writes to them.
  const RangeSet& freed() const { return program_.freed; }
  void clear_freed() { program_.freed.clear(); }
  // What the program registers with a userfaultfd of its own is taken from this one, which lives until it is replaced.
  void set_userfaultfd(const Userfaultfd* userfaultfd) { program_.userfaultfd = userfaultfd; }
  // Whether its break may be another than when somebody asked for it last.
  bool may_have_moved_break() const { return program_.may_have_moved_break; }
  void mark_break_moved() { program_.may_have_moved_break = true; }
  void mark_break_known() { program_.may_have_moved_break = false; }
  // Whether it has, or had, guards that no list of mappings shows.
  bool has_guards() const { return program_.has_guards; }
  void mark_guards() { program_.has_guards = true; }
  // Whether it has, or had, mappings that were sealed, which one list of mappings alone shows.
  bool has_seals() const { return program_.has_seals; }
  void mark_seals() { program_.has_seals = true; }
  // Before pages become guards, see `unprotect` of our userfaultfd.
  void unprotect(const AddressRange& range) const {
    if (program_.userfaultfd != nullptr) program_.userfaultfd->unprotect(range);
  }
  // Whether there may be processes that it has started and not waited for, or that those have started.
  bool may_have_children() const { return program_.may_have_children; }
  void mark_childless() { program_.may_have_children = false; }
  // Those of them that we saw start, and whether others may share something with it.
  StartedProcesses& started() { return followers_.started(); }
  bool may_have_changed_timers() const { return program_.may_have_changed_timers; }
  void mark_timers_changed() { program_.may_have_changed_timers = true; }
  void mark_timers_known() { program_.may_have_changed_timers = false; }
  const Stop& last_stop() const { return loop_.last_stop(); }
  // All registers of all threads can be read: see hidden_register.h.
  Status show_all_registers();
  // Of the kept clock; zero where none is kept.
  int64_t elapsed() const { return clock_.elapsed(); }
  const KeptAlarm& alarm() const { return clock_.alarm(); }
  void set_clock(int64_t elapsed, const KeptAlarm& alarm);
  // After the state of all threads was put back.
  void set_last_stop(const Stop& stop, pid_t thread, const Declarers& declarers);
  // Of the wait with a limit that the thread was put into, in nanoseconds.
  void set_time_left(TracedThread& thread, int64_t left) { waits_.on_restore(thread, left); }

  // Its memory: all bytes or none, through any protection.
  const ScopedFd& memory() const { return memory_.file(); }
  Status save_thread(TracedThread& thread, GrowingArray<std::byte>* bytes) const { return thread.save(memory_, bytes); }
  Status read(RemoteAddress address, void* bytes, size_t count) const { return memory_.read(address, bytes, count); }
  Status write(RemoteAddress address, const void* bytes, size_t count);

 private:
  static pid_t this_thread();
  Status begin_child(pid_t pid, bool has_filter, const SystemCallSet& further_calls);
  long child_options() const;
  Status adopt(const TracedProcess& other, pid_t pid, TracedThread** thread);
  Status begin_fork(const TracedProcess& other);
  Status seize_all();
  Status find_interface();
  Status find_flagged_mappings();
  Status free_threads();
  Status release_all();
  Status detach_thread(TracedThread& thread);

  pid_t tracer_ = 0;
  bool is_released_ = false;  // detached, or killed
  std::optional<std::pair<int, int>> next_processor_;
  ProcessTraits traits_;
  CurrentProgram program_;
  MemoryChanges changes_;
  FileChanges files_;
  ThreadTable threads_;
  RemoteMemory memory_;
  ProcessWaiter waiter_{threads_};
  Breakpoint breakpoint_{memory_};
  KernelBreakpoint kernel_breakpoint_;
  Followers followers_{traits_, breakpoint_, changes_, files_};
  InjectedCalls injected_{traits_, program_, threads_, waiter_, memory_};
  TimedWaits waits_{traits_, memory_};
  KeptClock clock_;
  ClockCalls clock_calls_{{traits_, threads_, followers_, clock_}};
  StopClassifier classifier_{{traits_, threads_, waiter_, memory_, breakpoint_, injected_, followers_, changes_, files_,
                              program_, clock_calls_, clock_},
                             waits_};
  RunLoop loop_{{traits_, threads_, waiter_, memory_, breakpoint_, kernel_breakpoint_, followers_, changes_, files_,
                 classifier_, waits_, clock_calls_, injected_}};
};

}  // namespace pagestore
