// Letting threads run, and what they stop for.
#include <dirent.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "process/thread_status.h"
#include "system/mapping.h"
#include "tracee/call_filter.h"
#include "tracee/phases.h"
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

// As the C library asks for the number that it marks freed blocks with: eight bytes, at once or not at all.
bool is_heap_key(const RegisterCall& call) {
  constexpr uint64_t kAtOnce = 1;
  return call.arguments[1] == sizeof(uint64_t) && call.arguments[2] == kAtOnce;
}

}  // namespace

int TracedProcess::request(const RunOptions& options) const {
  return has_filter_ && !options.stops_at_calls ? PTRACE_CONT : PTRACE_SYSCALL;
}

Status TracedProcess::resume(const RunOptions& options, Stop* stop) {
  const InPhase phase(Phase::stop);
  if (Status status = check(); !status.is_ok()) return status;
  GrowingArray<TracedThread*> runners;
  bool tells = false;
  Status status = choose_runners(options, &runners, stop, &tells);
  if (!status.is_ok() || tells) return status;
  status = run({runners.data(), runners.size()}, options, stop);
  take_breakpoint_away();
  if (status.error() == Error::process_gone && hear_of_end(stop)) status = Status::ok();
  if (!status.is_ok()) return status;
  if (stop->thread != 0) last_ = stop->thread;
  last_stop_ = *stop;
  return status;
}

Status TracedProcess::run(std::span<TracedThread* const> runners, const RunOptions& options, Stop* stop) {
  TracedThread* asked;
  if (Status status = thread(options.thread, &asked); !status.is_ok()) return status;
  has_run_ = true;
  if (options.has_breakpoint) {
    bool tells = false;
    if (Status status = step_over(options, runners, stop, &tells); !status.is_ok() || tells) return status;
    if (Status status = plant(options.breakpoint); !status.is_ok()) return status;
  }
  for (TracedThread* runner : runners) {
    const int signal = runner == asked ? options.signal : RunOptions::the_one_it_stopped_for + 0;
    if (Status status = start(*runner, options, signal); !status.is_ok()) return status;
  }
  return wait_for_stop(options, stop);
}

// Whether it was killed while it stood.
bool TracedProcess::hear_of_end(Stop* stop) {
  for (const int64_t end = now() + kPatience; !has_ended_ && now() < end;) {
    Waiting::News news;
    if (!waiting_.wait({&pid_, 1}, spared_, kTick, &news).is_ok()) return false;
    TracedThread* first = find(pid_);
    if (news.thread == 0) {
      take_ended();
    } else if (first != nullptr && !WIFSTOPPED(news.status)) {
      static_cast<void>(has_gone(*first, news.status, stop));
    }
  }
  *stop = end_;
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
  const bool is_its_own = signal == RunOptions::the_one_it_stopped_for;
  siginfo_t info{};
  if (!is_its_own) {
    info.si_signo = signal;
    info.si_pid = getpid();
    info.si_uid = getuid();
  } else if (thread.offer == Offer::signal) {
    info = thread.signal;
  }
  int deliver = info.si_signo;
  if (thread.place == Place::inside && deliver != 0) {
    tgkill(pid_, thread.id(), std::exchange(deliver, 0));
  } else if (deliver != 0) {
    if (Status status = meet_signal(thread, info); !status.is_ok()) return status;
  } else if (thread.offer == Offer::signal && thread.place != Place::signal) {
    if (Status status = thread.miss_signal(); !status.is_ok()) return status;
  }
  const int how = request(options);
  if (how == PTRACE_CONT && kind_of_call(thread.swallowed_call) == CallKind::other) thread.swallowed_call = -1;
  // It would run, and is to be held again before it does.
  if (thread.is_held) ptrace(PTRACE_INTERRUPT, thread.id(), nullptr, nullptr);
  // Of the first thread's end nothing is heard before that of all others.
  const bool is_last_heard = thread.offer == Offer::end_of_thread && thread.id() == pid_;
  if (Status status = thread.run(how, deliver); !status.is_ok()) return status;
  if (is_last_heard) thread.place = Place::ended;
  return Status::ok();
}

// Takes a thread to where it is about to receive a signal: it may be another one that it stands before, or
// a rollback has put it where one was about to come. The signal is sent, and comes first.
Status TracedProcess::meet_signal(TracedThread& thread, const siginfo_t& wanted) {
  if (thread.place != Place::signal) {
    Registers* registers;
    uint64_t blocked = 0;
    if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
    if (thread.has_entered()) thread.stand_again(thread.standing());
    const Registers before = *registers;
    if (Status status = thread.get_blocked(&blocked); !status.is_ok()) return status;
    if (Status status = thread.block(~(uint64_t{1} << (wanted.si_signo - 1))); !status.is_ok()) return status;
    registers->leave_call();
    thread.changed();
    if (Status status = receive(thread, wanted.si_signo); !status.is_ok()) return status;
    if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
    *registers = before;
    thread.changed();
    if (Status status = thread.block(blocked); !status.is_ok()) return status;
  }
  if (ptrace(PTRACE_SETSIGINFO, thread.id(), nullptr, &wanted) == 0) return Status::ok();
  return Status::process_gone(pid_, "was killed");
}

Status TracedProcess::receive(TracedThread& thread, int signal) {
  tgkill(pid_, thread.id(), signal);
  for (int late_signal = 0;;) {
    if (Status status = thread.run(PTRACE_CONT, 0); !status.is_ok()) return status;
    Waiting::News news;
    if (Status status = wait_on(thread, &news); !status.is_ok()) return status;
    if (!WIFSTOPPED(news.status)) return was_killed(thread, news.status);
    thread.place = Place::interrupted;
    if (news.status >> kSecondWord != 0) continue;
    if (WSTOPSIG(news.status) != signal) {
      late_signal = WSTOPSIG(news.status);  // one that cannot be blocked
      continue;
    }
    thread.place = Place::signal;
    if (late_signal != 0) tgkill(pid_, thread.id(), late_signal);
    return Status::ok();
  }
}

Status TracedProcess::was_killed(TracedThread& thread, int status) {
  Stop stop;
  static_cast<void>(has_gone(thread, status, &stop));
  return Status::process_gone(pid_, "was killed");
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
    const bool runs = std::any_of(threads_.begin(), threads_.end(),
                                  [](const TracedThread* each) { return each->place == Place::running; });
    if (!runs && living() != 0) {
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
    if (news.thread == 0) {
      take_ended();
      continue;
    }
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
      thread.is_held = WSTOPSIG(news.status) != SIGTRAP;
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
    if (id == pid_) take_ended();
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
    thread.is_held = signal != SIGTRAP;
    if (thread.is_held && ptrace(PTRACE_LISTEN, thread.id(), nullptr, nullptr) == 0) thread.place = Place::running;
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
void TracedProcess::take_ended() {
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/task", pid_);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path), closedir);
  while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
    const pid_t id = atoi(entry->d_name);
    if (id > 0 && id != pid_ && Waiting::take_if_ended(id, spared_)) remove_thread(id);
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
      take_breakpoint_away();  // from memory that both have
      return meet_process(id);
    default:
      *verdict = Verdict::go_on;
      return Status::ok();
  }
}

}  // namespace pagestore
