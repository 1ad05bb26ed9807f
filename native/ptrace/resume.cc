// Letting threads run, and waiting for them.
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ptrace/call_filter.h"
#include "ptrace/traced_process.h"
#include "system/old_glibc.h"
#include "system/phase_clock.h"

namespace pagestore {

namespace {

constexpr int kTick = 50;              // milliseconds
constexpr int64_t kPatience = 10'000;  // for a thread that is told to stand

int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
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
    if (Status status = unless_dying(*runner, start(*runner, options, signal)); !status.is_ok()) return status;
  }
  return wait_for_stop(options, stop);
}

// A thread that stands is killed when another one ends the process or becomes another program. Of that is heard soon.
Status TracedProcess::unless_dying(TracedThread& thread, Status status) const {
  if (status.error() != Error::process_gone || has_ended_) return status;
  thread.place = Place::running;
  return Status::ok();
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
    signal_thread(pid_, thread.id(), std::exchange(deliver, 0));
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
  signal_thread(pid_, thread.id(), signal);
  for (int late_signal = 0;;) {
    if (Status status = thread.run(PTRACE_CONT, 0); !status.is_ok()) return status;
    Waiting::News news;
    if (Status status = wait_on(thread, &news); !status.is_ok()) return status;
    if (!WIFSTOPPED(news.status)) return was_killed(news);
    thread.place = Place::interrupted;
    if (event_of(news.status) != 0) continue;
    if (WSTOPSIG(news.status) != signal) {
      late_signal = WSTOPSIG(news.status);  // one that cannot be blocked
      continue;
    }
    thread.place = Place::signal;
    if (late_signal != 0) signal_thread(pid_, thread.id(), late_signal);
    return Status::ok();
  }
}

// It may be the first thread's end that was heard of in place of the one that was waited for.
Status TracedProcess::was_killed(const Waiting::News& news) {
  Stop stop;
  if (TracedThread* thread = find(news.thread); thread != nullptr) has_gone(*thread, news.status, &stop);
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
  const int64_t end = options.timeout < 0 ? INT64_MAX : now() + options.timeout + 1;  // never less
  for (;;) {
    bury();
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
    Status status = unless_dying(*thread, look_at(*thread, news.status, options, &verdict, stop));
    if (!status.is_ok() || has_ended_) return status;
    if (verdict == Verdict::tell) {
      Stop end_of_all;
      if (Status status = stop_others(options, &end_of_all); !status.is_ok()) return status;
      if (has_ended_) *stop = end_of_all;
      return Status::ok();
    }
    if (verdict == Verdict::gone || thread->place == Place::running) continue;
    if (status = unless_dying(*thread, thread->run(request(options), 0)); !status.is_ok()) return status;
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
    // In vfork it stands only when its child is another program, or has ended; so long it is not waited for.
    if (thread.place != Place::running || thread.is_in_vfork) {
      ++i;
      continue;
    }
    Waiting::News news;
    if (Status status = wait_on(thread, &news); !status.is_ok()) return status;
    if (WIFSTOPPED(news.status) && event_of(news.status) == PTRACE_EVENT_STOP) {
      thread.was_interrupted();
      thread.is_held = WSTOPSIG(news.status) != SIGTRAP;
      continue;
    }
    TracedThread* seen = find(news.thread);
    if (seen == nullptr) return Status::process_gone(pid_, "was killed");
    Verdict verdict;
    Stop here;
    if (Status status = look_at(*seen, news.status, options, &verdict, &here); !status.is_ok()) return status;
    if (has_ended_) *stop = here;
    if (verdict == Verdict::tell) seen->tell_later(here);
    if (here.kind == StopKind::exec) i = 0;
  }
  return Status::ok();
}

// Until that one thread stops or ends, however long others run. One that becomes another program waits for the end of
// all others, and is the first thread from then on: then the news is of that.
Status TracedProcess::wait_on(TracedThread& thread, Waiting::News* news) {
  const pid_t id = thread.id();
  for (const int64_t end = now() + kPatience; now() < end;) {
    Status status = waiting_.wait({&id, 1}, spared_, kTick, news);
    if (!status.is_ok() && id != pid_) status = waiting_.wait({&pid_, 1}, spared_, kTick, news);
    if (!status.is_ok()) return status;
    if (news->thread != 0) return Status::ok();
    take_others_that_ended(id);
  }
  return Status::system(Error::tracee, "a thread that would stand still", ETIMEDOUT);
}

}  // namespace pagestore
