// A process under our control: its threads run when we say so, and stop for what we ask.
//
// Between two calls all threads stand. `resume` lets those run that are chosen, until one stops for
// something that is to be told; then the others are interrupted. What they stopped for at the same moment
// is told by the next calls. Calls that we must see anyway (call_filter.h) come without being told: by a
// filter where the process was spawned with one, else every call is looked at, which is slow.
//
// One thread, the one that traced it first, makes all calls. Nobody else's children are waited for. It
// leaves to its caller to `kill` or `detach`; a process that was spawned ends with this one in any case.
#pragma once

#include <memory>

#include "ptrace/call_filter.h"
#include "ptrace/stop.h"
#include "ptrace/thread.h"
#include "ptrace/waiting.h"
#include "system/address_range.h"
#include "system/scoped_fd.h"

namespace pagestore {

class TracedProcess {
 public:
  TracedProcess() = default;
  TracedProcess(const TracedProcess&) = delete;
  TracedProcess& operator=(const TracedProcess&) = delete;
  ~TracedProcess();

  // Of a child that waits to be let go: from now on it is traced, and ends with us.
  Status seize_child(pid_t pid, bool has_filter);
  // The number that the C library marks its heap with is always the same.
  void fix_random() { fixes_random_ = true; }
  // Lets a child that was seized go on until it is another program, or has ended.
  Status run_to_exec(Stop* stop);
  // Of a running process: all its threads are stopped.
  Status attach(pid_t pid);

  Status resume(const RunOptions& options, Stop* stop);

  // Makes one system call in the process, while it stands, and gives its result.
  Status call(const RegisterCall& call, int64_t* result);

  void kill();
  Status detach();

  pid_t pid() const { return pid_; }
  bool is_spawned() const { return is_spawned_; }
  bool has_filter() const { return has_filter_; }
  bool is_gone() const { return has_ended_; }
  Status check() const;  // that it is there, and the caller the thread that traces it

  std::span<TracedThread* const> threads() const { return {threads_.data(), threads_.size()}; }
  // 0: the one that stopped last. Refused when there is none.
  Status thread(pid_t id, TracedThread** thread) const;
  pid_t last() const { return last_; }
  // A thread that has not ended, by which alone the system knows what all have in common; 0 if there is none.
  pid_t living() const;

  // What happened since it was told that all is known: whether anything ran or was written, whether
  // mappings may be others, and of what ranges the process told the kernel something.
  bool has_run() const { return has_run_; }
  bool mappings_changed() const { return mappings_changed_; }
  std::span<const AddressRange> advised() const { return {advised_.data(), advised_.size()}; }
  // By calls of ours.
  void change_mappings() { has_run_ = mappings_changed_ = true; }
  void mark_known() {
    has_run_ = mappings_changed_ = false;
    advised_.clear();
  }

  // How many programs it has been: each exec makes one more.
  uint32_t program() const { return program_; }
  // Where it said that its declarations are (trap.h); 0 for nowhere.
  uint64_t declarations() const { return declarations_; }
  const Stop& last_stop() const { return last_stop_; }
  // After its state was put back.
  void stands_again(const Stop& stop, pid_t last, uint64_t declarations) {
    last_stop_ = stop;
    last_ = last;
    declarations_ = declarations;
  }

  // Its memory, for what a breakpoint or a look needs: opened once.
  const ScopedFd& memory() const { return memory_; }
  Status open_memory();
  // Bytes of it, all or none; written through any protection.
  Status read(uint64_t address, void* bytes, size_t count) const;
  Status write(uint64_t address, const void* bytes, size_t count);

 private:
  enum class Verdict : uint8_t { go_on, tell, gone };

  Status choose_runners(const RunOptions& options, GrowingArray<TracedThread*>* runners, Stop* stop, bool* tells);
  Status run(std::span<TracedThread* const> runners, const RunOptions& options, Stop* stop);
  Status start(TracedThread& thread, const RunOptions& options, int signal);
  Status meet_signal(TracedThread& thread, const siginfo_t& wanted);
  Status receive(TracedThread& thread, int signal);
  Status was_killed(const Waiting::News& news);
  Status plant(uint64_t address);
  void take_breakpoint_away();
  void take_breakpoint_from(pid_t child) const;
  Status step(TracedThread& thread, const RunOptions& options, Stop* stop, bool* tells);
  Status step_over(const RunOptions& options, std::span<TracedThread* const> runners, Stop* stop, bool* tells);
  Status list_waited_for();
  Status wait_for_stop(const RunOptions& options, Stop* stop);
  bool hear_of_end(Stop* stop);
  Status unless_dying(TracedThread& thread, Status status) const;
  Status break_off(const RunOptions& options, Stop* stop);
  Status stop_others(const RunOptions& options, Stop* stop);
  Status wait_on(TracedThread& thread, Waiting::News* news);

  Status look_at(TracedThread& thread, int status, const RunOptions& options, Verdict* verdict, Stop* stop);
  Status look_at_call(TracedThread& thread, const RunOptions& options, bool by_filter, Verdict* verdict, Stop* stop);
  Status look_at_signal(TracedThread& thread, int signal, const RunOptions& options, Verdict* verdict, Stop* stop);
  Status look_at_entry(TracedThread& thread, const RegisterCall& call, const RunOptions& options, bool by_filter,
                       Verdict* verdict, Stop* stop);
  Status look_at_event(TracedThread& thread, int event, Verdict* verdict, Stop* stop);
  void take_ended() { take_others_that_ended(0); }
  void take_others_that_ended(pid_t id);
  bool take(pid_t id) const;
  void end_followers();
  Verdict has_gone(TracedThread& thread, int status, Stop* stop);
  Status answer_random(TracedThread& thread, const RegisterCall& call);
  Status answer(TracedThread& thread, const RegisterCall& call, CallKind kind, Verdict* verdict, Stop* stop);
  void note_advice(uint64_t address, uint64_t length);
  bool is_only_thread(const TracedThread& thread) const;

  Status meet_thread(TracedThread& parent, pid_t id);
  Status meet_process(pid_t id);
  Status has_become(TracedThread& thread, Stop* stop);
  Status follow(pid_t follower);
  void look_at_follower(pid_t follower, int status);

  Status finish_call(TracedThread& thread);
  Status find_call_instruction(uint64_t* address);

  Status let_go(TracedThread& thread);
  Status add_thread(pid_t id, TracedThread** thread);
  // A thread may end while somebody up the stack holds it: it stays until `bury`, when nobody does.
  void remove_thread(pid_t id);
  void bury();
  TracedThread* find(pid_t id) const;
  Status seize_threads(bool* found_new);
  int request(const RunOptions& options) const;

  pid_t pid_ = 0;
  pid_t tracer_ = 0;
  pid_t spared_ = 0;  // a child whose end others in this process wait for
  bool fixes_random_ = false;
  bool is_spawned_ = false, has_filter_ = false, has_ended_ = false;
  bool has_run_ = true, mappings_changed_ = true;
  GrowingArray<AddressRange> advised_;
  uint32_t program_ = 0;
  uint64_t declarations_ = 0;
  pid_t last_ = 0;
  Stop last_stop_, end_;
  GrowingArray<TracedThread*> threads_;
  TracedThread* dead_ = nullptr;   // removed, and linked
  GrowingArray<pid_t> followers_;  // processes that it started, which only run on
  GrowingArray<pid_t> waited_for_;
  Waiting waiting_;
  ScopedFd memory_;
  uint64_t call_instruction_ = 0;
  // The breakpoint that is there now, at 0 for none, and what was there before.
  struct Planted {
    uint64_t address = 0;
    std::byte before[Registers::kBreakpoint.size()];
  };
  Planted planted_;
};

}  // namespace pagestore
