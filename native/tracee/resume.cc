// Letting threads run, and what they stop for.
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "process/thread_status.h"
#include "system/mapping.h"
#include "tracee/call_filter.h"
#include "tracee/traced_process.h"
#include "tracee/trap.h"

namespace pagestore {

namespace {

constexpr int kTick = 50;              // milliseconds
constexpr int64_t kPatience = 10'000;  // for a thread that is told to stand
constexpr int kSecondWord = 16;        // where a status holds its event
constexpr int kCallStop = SIGTRAP | 0x80;

int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

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

}  // namespace

// An int3 or brk that stands in the code for as long as threads run.
class PlantedBreakpoint {
 public:
  explicit PlantedBreakpoint(TracedProcess& process) : process_(process) {}
  ~PlantedBreakpoint() { take_away(); }

  Status plant(uint64_t address) {
    if (Status status = process_.read(address, before_, sizeof(before_)); !status.is_ok()) return status;
    Status status = process_.write(address, Registers::kBreakpoint.data(), sizeof(before_));
    address_ = status.is_ok() ? address : 0;
    return status;
  }
  void take_away() {
    if (address_ != 0) static_cast<void>(process_.write(address_, before_, sizeof(before_)));
    address_ = 0;
  }

 private:
  TracedProcess& process_;
  uint64_t address_ = 0;
  std::byte before_[Registers::kBreakpoint.size()];
};

int TracedProcess::request(const RunOptions& options) const {
  return has_filter_ && !options.stops_at_calls ? PTRACE_CONT : PTRACE_SYSCALL;
}

Status TracedProcess::resume(const RunOptions& options, Stop* stop) {
  if (Status status = check(); !status.is_ok()) return status;
  GrowingArray<TracedThread*> runners;
  bool tells = false;
  if (Status status = choose_runners(options, &runners, stop, &tells); !status.is_ok() || tells) return status;
  PlantedBreakpoint breakpoint(*this);
  if (options.has_breakpoint) {
    if (Status status = step_over(options, runners, stop, &tells); !status.is_ok() || tells) return status;
    if (Status status = breakpoint.plant(options.breakpoint); !status.is_ok()) return status;
  }
  has_run_ = true;
  Status status = Status::ok();
  for (size_t i = 0; i < runners.size() && status.is_ok(); ++i) status = start(*runners[i], options, options.signal);
  if (status.is_ok()) status = wait_for_stop(options, stop);
  if (status.error() == Error::process_gone && hear_of_end(stop)) status = Status::ok();
  if (!status.is_ok()) return status;
  if (stop->thread != 0) last_ = stop->thread;
  last_stop_ = *stop;
  return status;
}

// Whether it was killed while it stood.
bool TracedProcess::hear_of_end(Stop* stop) {
  for (const int64_t end = now() + kPatience; !has_ended_ && now() < end;) {
    if (!list_waited_for().is_ok()) return false;
    Waiting::News news;
    const std::span<const pid_t> waited_for(waited_for_.data(), waited_for_.size());
    if (!waiting_.wait(waited_for, spared_, kTick, &news).is_ok()) return false;
    TracedThread* thread = find(news.thread);
    if (thread != nullptr && !WIFSTOPPED(news.status)) static_cast<void>(has_gone(*thread, news.status, stop));
  }
  return has_ended_;
}

Status TracedProcess::run_to_exec(Stop* stop) {
  do {
    if (Status status = wait_for_stop({}, stop); !status.is_ok() || has_ended_ || stop->kind == StopKind::exec) {
      return status;
    }
    RunOptions options;
    if (Status status = start(*threads_[0], options, options.signal); !status.is_ok()) return status;
  } while (true);
}

// Who is to run; and the answer to the choice that one of them waits at. Nothing runs if there is something
// to be told yet.
Status TracedProcess::choose_runners(const RunOptions& options, GrowingArray<TracedThread*>* runners, Stop* stop,
                                     bool* tells) {
  TracedThread* asked;
  if (Status status = thread(options.thread, &asked); !status.is_ok()) return status;
  const bool waits = asked->offer == Offer::choice && !asked->has_news();
  if (waits ? options.choose < 0 || options.choose >= asked->ways : options.choose >= 0) {
    return Status::refused(Error::choice, static_cast<uint64_t>(options.choose),
                           waits ? static_cast<uint64_t>(asked->ways) : UINT64_MAX);
  }
  for (TracedThread* each : threads_) {
    if (!each->stands() || (options.thread != 0 && each != asked)) continue;
    if (each->has_news()) {
      *stop = each->news();
      each->forget_news();
      last_ = each->id();
      last_stop_ = *stop;
      *tells = true;
      return Status::ok();
    }
    // Whoever waits at another choice stays there.
    const bool stays = each != asked && each->offer == Offer::choice;
    if (!stays && !runners->append(each)) return Status::out_of_memory("realloc", sizeof(each), ENOMEM);
  }
  if (!waits) return Status::ok();
  Registers* registers;
  if (Status status = asked->get_registers(&registers); !status.is_ok()) return status;
  registers->set_result(static_cast<uint64_t>(options.choose));
  asked->changed();
  return Status::ok();
}

Status TracedProcess::start(TracedThread& thread, const RunOptions& options, int signal) {
  int deliver = signal;
  if (signal == RunOptions::the_one_it_stopped_for) {
    deliver = thread.offer == Offer::signal ? thread.signal.si_signo : 0;
    if (deliver != 0 && thread.place != Place::signal) {
      if (Status status = meet_signal_again(thread); !status.is_ok()) return status;
    }
  } else if (deliver != 0 && thread.place != Place::signal) {
    tgkill(pid_, thread.id(), deliver);
    deliver = 0;
  }
  const int how = request(options);
  if (how == PTRACE_CONT && kind_of_call(thread.swallowed_call) == CallKind::other) thread.swallowed_call = -1;
  // Of the first thread's end nothing is heard before that of all others.
  const bool is_last_heard = thread.offer == Offer::end_of_thread && thread.id() == pid_;
  if (Status status = thread.run(how, deliver); !status.is_ok()) return status;
  if (is_last_heard) thread.place = Place::ended;
  return Status::ok();
}

// A rollback has put the thread before a signal that was about to come: it is sent again, and comes first.
Status TracedProcess::meet_signal_again(TracedThread& thread) {
  const siginfo_t wanted = thread.signal;
  tgkill(pid_, thread.id(), wanted.si_signo);
  for (;;) {
    if (Status status = thread.run(PTRACE_CONT, 0); !status.is_ok()) return status;
    Waiting::News news;
    if (Status status = wait_on(thread, &news); !status.is_ok()) return status;
    if (!WIFSTOPPED(news.status)) return Status::process_gone(pid_, "was killed");
    thread.place = Place::interrupted;
    if (news.status >> kSecondWord != 0 || WSTOPSIG(news.status) != wanted.si_signo) continue;
    thread.place = Place::signal;
    ptrace(PTRACE_SETSIGINFO, thread.id(), nullptr, &wanted);
    return Status::ok();
  }
}

// Threads that stand where a breakpoint will be go one instruction on before it is there.
Status TracedProcess::step_over(const RunOptions& options, std::span<TracedThread* const> runners, Stop* stop,
                                bool* tells) {
  for (TracedThread* thread : runners) {
    Registers* registers;
    if (Status status = thread->get_registers(&registers); !status.is_ok()) return status;
    if (registers->at() != options.breakpoint || thread->offer == Offer::signal) continue;
    if (Status status = thread->run(PTRACE_SINGLESTEP, 0); !status.is_ok()) return status;
    Waiting::News news;
    if (Status status = wait_on(*thread, &news); !status.is_ok()) return status;
    Verdict verdict;
    if (Status status = look_at(*thread, news.status, options, &verdict, stop); !status.is_ok()) return status;
    if (verdict == Verdict::go_on) continue;
    const bool was_step = stop->kind == StopKind::signal && stop->value == SIGTRAP;
    if (was_step) {
      thread->offer = Offer::none;
    } else {
      *tells = true;
      last_stop_ = *stop;
      return Status::ok();
    }
  }
  return Status::ok();
}

// All threads: one that stands may be killed. And what the process started.
Status TracedProcess::list_waited_for() {
  waited_for_.clear();
  bool fits = true;
  for (const TracedThread* thread : threads_) fits = fits && waited_for_.append(thread->id());
  for (const pid_t follower : followers_) fits = fits && waited_for_.append(follower);
  return fits ? Status::ok() : Status::out_of_memory("realloc", waited_for_.size() * sizeof(pid_t), ENOMEM);
}

Status TracedProcess::wait_for_stop(const RunOptions& options, Stop* stop) {
  const int64_t end = options.timeout < 0 ? INT64_MAX : now() + options.timeout;
  for (;;) {
    if (Status status = list_waited_for(); !status.is_ok()) return status;
    if (std::none_of(threads_.begin(), threads_.end(),
                     [](const TracedThread* each) { return each->place == Place::running; })) {
      // Only a thread that was about to end was let go.
      *stop = last_stop_;
      stop->has_ended = true;
      return Status::ok();
    }
    const int64_t left = options.timeout < 0 ? kTick : end - now();
    if (left <= 0 || (options.may_go_on != nullptr && !options.may_go_on(options.asked))) {
      return break_off(options, stop);
    }
    Waiting::News news;
    const std::span<const pid_t> waited_for(waited_for_.data(), waited_for_.size());
    const auto tick = static_cast<int>(std::min<int64_t>(left, kTick));
    if (Status status = waiting_.wait(waited_for, spared_, tick, &news); !status.is_ok()) return status;
    if (news.thread == 0) continue;
    TracedThread* thread = find(news.thread);
    if (thread == nullptr) {
      look_at_follower(news.thread, news.status);
      continue;
    }
    Verdict verdict;
    if (Status status = look_at(*thread, news.status, options, &verdict, stop); !status.is_ok()) return status;
    if (has_ended_) return Status::ok();
    if (verdict == Verdict::tell) {
      Stop end_of_all;
      if (Status status = stop_others(options, &end_of_all); !status.is_ok()) return status;
      if (has_ended_) *stop = end_of_all;
      return Status::ok();
    }
    if (verdict == Verdict::gone || thread->place == Place::running) continue;
    if (Status status = thread->run(request(options), 0); !status.is_ok()) return status;
  }
}

Status TracedProcess::break_off(const RunOptions& options, Stop* stop) {
  if (Status status = stop_others(options, stop); !status.is_ok() || has_ended_) return status;
  for (TracedThread* thread : threads_) {
    if (!thread->has_news()) continue;
    *stop = thread->news();
    thread->forget_news();
    return Status::ok();
  }
  *stop = Stop{};
  stop->thread = options.thread != 0 ? options.thread : last_;
  return Status::ok();
}

// Every thread that runs is interrupted. What one of them stopped for by itself at this moment is told
// later. If the process ends instead, `stop` tells of that.
Status TracedProcess::stop_others(const RunOptions& options, Stop* stop) {
  for (const TracedThread* thread : threads_) {
    if (thread->place == Place::running) ptrace(PTRACE_INTERRUPT, thread->id(), nullptr, nullptr);
  }
  for (size_t i = 0; i < threads_.size() && !has_ended_;) {
    TracedThread& thread = *threads_[i];
    if (thread.place != Place::running) {
      ++i;
      continue;
    }
    Waiting::News news;
    if (Status status = wait_on(thread, &news); !status.is_ok()) return status;
    if (WIFSTOPPED(news.status) && news.status >> kSecondWord == PTRACE_EVENT_STOP) {
      thread.place = Place::interrupted;
      continue;
    }
    Verdict verdict;
    Stop here;
    if (Status status = look_at(thread, news.status, options, &verdict, &here); !status.is_ok()) return status;
    if (has_ended_) *stop = here;
    if (verdict == Verdict::tell) thread.tell_later(here);
  }
  return Status::ok();
}

// Until that one thread stops or ends, however long others run.
Status TracedProcess::wait_on(TracedThread& thread, Waiting::News* news) {
  const pid_t id = thread.id();
  for (const int64_t end = now() + kPatience; now() < end;) {
    if (Status status = waiting_.wait({&id, 1}, spared_, kTick, news); !status.is_ok()) return status;
    if (news->thread != 0) return Status::ok();
  }
  return Status::system(Error::tracee, "a thread that would stand still", ETIMEDOUT);
}

Status TracedProcess::look_at(TracedThread& thread, int status, const RunOptions& options, Verdict* verdict,
                              Stop* stop) {
  *verdict = Verdict::go_on;
  if (!WIFSTOPPED(status)) {
    *verdict = has_gone(thread, status, stop);
    return Status::ok();
  }
  const int signal = WSTOPSIG(status), event = status >> kSecondWord;
  thread.place = Place::interrupted;
  if (signal == kCallStop) return look_at_call(thread, options, false, verdict, stop);
  if (event == PTRACE_EVENT_SECCOMP) return look_at_call(thread, options, true, verdict, stop);
  if (event == PTRACE_EVENT_STOP) {
    // A job-control stop lasts until somebody ends it; anything else is an interruption that came late.
    if (signal != SIGTRAP && ptrace(PTRACE_LISTEN, thread.id(), nullptr, nullptr) == 0) thread.place = Place::running;
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
  return Verdict::gone;
}

Status TracedProcess::look_at_call(TracedThread& thread, const RunOptions& options, bool by_filter, Verdict* verdict,
                                   Stop* stop) {
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, thread.id(), sizeof(info), &info) < 0) {
    return Status::process_gone(pid_, "was killed");
  }
  if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    thread.place = Place::call_exit;
    const int64_t call = std::exchange(thread.call, -1);
    if (!is_wanted(options, call)) return Status::ok();
    *stop = stop_of(StopKind::call, thread, call);
    *verdict = Verdict::tell;
    return Status::ok();
  }
  const auto number = static_cast<int64_t>(by_filter ? info.seccomp.nr : info.entry.nr);
  const auto* arguments = by_filter ? info.seccomp.args : info.entry.args;
  thread.place = Place::call_entry;
  if (by_filter && std::exchange(thread.swallows_filter, false)) return Status::ok();
  const CallKind kind = kind_of_call(number);
  thread.call = number;
  thread.swallows_filter = has_filter_ && !by_filter && kind != CallKind::other;
  if (std::exchange(thread.swallowed_call, -1) == number) return Status::ok();
  switch (kind) {
    case CallKind::mapping:
      mappings_changed_ = true;
      break;
    case CallKind::advice:
      note_advice(arguments[0], arguments[1]);
      break;
    case CallKind::id_address:
      thread.id_address = arguments[0];
      break;
    case CallKind::check:
      return answer_check(thread, arguments[0]);
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

// The call is not made; its result is ours.
Status TracedProcess::answer_check(TracedThread& thread, uint64_t address) {
  declarations_ = address;
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  registers->leave_call();
  registers->set_result(trap::kUnderCheck);
  thread.changed();
  thread.call = -1;
  thread.swallows_filter = false;
  return Status::ok();
}

Status TracedProcess::look_at_signal(TracedThread& thread, int signal, const RunOptions& options, Verdict* verdict,
                                     Stop* stop) {
  *verdict = Verdict::tell;
  siginfo_t info{};
  Registers* registers;
  if (ptrace(PTRACE_GETSIGINFO, thread.id(), nullptr, &info) != 0) return Status::process_gone(pid_, "was killed");
  if (signal == SIGTRAP && (info.si_code == SI_KERNEL || info.si_code == TRAP_BRKPT)) {
    if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
    const uint64_t place = registers->at() - Registers::kPastBreakpoint;
    if (options.has_breakpoint && place == options.breakpoint) {
      registers->at() = place;
      thread.changed();
      *stop = stop_of(StopKind::breakpoint, thread);
      stop->address = place;
      return Status::ok();
    }
    const RegisterCall trap = registers->trap();
    if (trap.number == trap::kChoose || trap.number == trap::kAssert) {
      if (Registers::kPastBreakpoint == 0) {
        registers->at() += Registers::kBreakpoint.size();
        thread.changed();
      }
      const bool is_choice = trap.number == trap::kChoose;
      const int ways = std::max(static_cast<int>(trap.arguments[0]), 0);
      *stop = stop_of(is_choice ? StopKind::choice : StopKind::assertion, thread, is_choice ? ways : 0);
      if (!is_choice) stop->text = trap.arguments[0];
      stop->file = trap.arguments[1];
      stop->line = trap.arguments[2];
      if (is_choice) {
        thread.offer = Offer::choice;
        thread.ways = ways;
        thread.file = stop->file;
        thread.line = stop->line;
      }
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
      return meet_process(id);
    default:
      *verdict = Verdict::go_on;
      return Status::ok();
  }
}

}  // namespace pagestore
