#include "ptrace/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "ptrace/auxiliary_vector.h"
#include "ptrace/processor.h"
#include "ptrace/system_call_filter.h"
#include "ptrace/taken_child.h"
#include "ptrace/time_stamp_counter.h"

namespace pagestore {

namespace {

// What a child was doing when it failed; the parent names it.
enum class Step : int { trace, session, streams, cwd, addresses, processor, counter, filter, exec };

const char* name_of(Step step) {
  switch (step) {
    case Step::trace:
      return "ptrace(PTRACE_TRACEME)";
    case Step::session:
      return "setsid";
    case Step::streams:
      return "stdio";
    case Step::cwd:
      return "cwd";
    case Step::addresses:  // no failure
      break;
    case Step::processor:
      return "sched_setaffinity";
    case Step::counter:
      return "prctl(PR_SET_TSC)";
    case Step::filter:
      return "a seccomp filter (spawn with { detachable: true } does without)";
    case Step::exec:
      return "exec";
  }
  return "";
}

struct Failure {
  Step step;
  int error_number;
};

// Whether nobody may read or seize a copy of this process (PR_SET_DUMPABLE): it was started as another user, say. What
// a copy becomes by exec is for the kernel to decide.
bool is_unreadable() {
  return prctl(PR_GET_DUMPABLE) != 1;
}

// What the child does when it is let go.
enum class Tracing : char { is_seized, must_ask };

// The dynamic linker measures its own times by the processor's counter, and keeps them in memory.
bool must_answer_counter(const LaunchOptions& options) {
  return kHasCounter && (options.has_deterministic_random || options.has_kept_clock);
}

// In the child of a process with several threads: nothing here may take a lock or allocate.
class Child {
 public:
  Child(const LaunchOptions& options, const SystemCallFilter& filter, pid_t parent, int go, int report)
      : options_(options), filter_(filter), parent_(parent), go_(go), report_(report) {}

  [[noreturn]] void become() {
    // Until it is traced, nothing else ends it with its parent: others that were started at the same time may have
    // copies of the pipe's other end.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent_) _exit(127);
    static_cast<void>(!::write(report_, "", 1));
    Tracing tracing;
    ssize_t got;
    while ((got = ::read(go_, &tracing, sizeof(tracing))) < 0 && errno == EINTR) continue;
    if (got != sizeof(tracing)) _exit(127);
    if (tracing == Tracing::must_ask) {
      check(Step::trace, ask_to_be_traced());
    } else {
      prctl(PR_SET_PDEATHSIG, 0);  // it ends with its tracer
    }
    check(Step::session, setsid() >= 0);
    set_streams();
    check(Step::cwd, options_.cwd == nullptr || chdir(options_.cwd) == 0);
    // All but the three streams and the pipe that reports a failure, which exec closes.
    syscall(SYS_close_range, report_ + 1, ~0u, 0);
    for (int fd = 3; fd < report_; ++fd) close(fd);
    reset_signals();
    if (options_.has_deterministic_addresses) fix_addresses();
    if (options_.processor) check(Step::processor, bind_to_processor(0, options_.first_processor));
    check(Step::counter, !must_answer_counter(options_) || disable_counter());
    const int refused = options_.has_filter ? filter_.install() : 0;
    if (refused != 0) fail(Step::filter, refused);
    execve(options_.file, options_.args, options_.env);
    fail(Step::exec, errno);
  }

 private:
  // A container may refuse that: the program starts all the same.
  void fix_addresses() const {
    const auto persona = static_cast<unsigned long>(personality(0xffffffff));
    if (personality(persona | ADDR_NO_RANDOMIZE) >= 0) return;
    const Failure note{Step::addresses, errno};
    static_cast<void>(!::write(report_, &note, sizeof(note)));
  }
  void check(Step step, bool is_fine) const {
    if (!is_fine) fail(step, errno);
  }
  [[noreturn]] void fail(Step step, int error_number) const {
    const Failure failure{step, error_number};
    static_cast<void>(!::write(report_, &failure, sizeof(failure)));
    _exit(127);
  }

  // A descriptor that is to be one stream may have the number of another: all are copied first.
  void set_streams() {
    constexpr int kFirstCopy = 10;
    report_ = fcntl(report_, F_DUPFD_CLOEXEC, kFirstCopy);
    check(Step::streams, report_ >= 0);
    int copies[3];
    for (int i = 0; i < 3; ++i) {
      const std::optional<int> wanted = options_.streams[static_cast<size_t>(i)];
      const int fd = wanted ? *wanted : open("/dev/null", O_RDWR | O_CLOEXEC);
      copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, kFirstCopy);
      check(Step::streams, copies[i] >= 0);
    }
    for (int i = 0; i < 3; ++i) check(Step::streams, dup2(copies[i], i) == i);
    for (const int copy : copies) close(copy);
  }

  static void reset_signals() {
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  const LaunchOptions& options_;
  const SystemCallFilter& filter_;
  const pid_t parent_;
  int go_, report_;
};

struct Pipe {
  ScopedFd out, in;

  bool open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    out = ScopedFd(ends[0]);
    in = ScopedFd(ends[1]);
    return true;
  }
};

// Libraries may start threads and processes and handle signals before the program's own code begins.
Status run_to(RemoteAddress entry, const LaunchOptions& options, TracedProcess* process) {
  RunOptions run = options.run;
  run.breakpoint = entry;
  Stop stop;
  for (;;) {
    if (Status status = process->resume(run, &stop); !status.is_ok()) return status;
    switch (stop.kind) {
      case StopKind::breakpoint:
        return Status::ok();
      case StopKind::timeout:
        return Status::system(Error::spawn, "the program's own code did not begin in time", ETIMEDOUT);
      case StopKind::exit:
      case StopKind::killed:
        return Status::system(Error::spawn, "the program ended before its own code began", ENOEXEC);
      case StopKind::choice:
        return Status::system(Error::spawn, "a choice before the program's own code begins", ENOTSUP);
      case StopKind::signal:
      case StopKind::assertion:
      case StopKind::system_call:
      case StopKind::exec:
      case StopKind::clone:
      case StopKind::fork:
      case StopKind::thread_exit:
        break;
    }
  }
}

Status run_to_entry(const LaunchOptions& options, TracedProcess* process) {
  AuxiliaryValues values;
  if (Status status = read_auxiliary_values(process->pid(), &values); !status.is_ok()) return status;
  constexpr char kRandom[17] = "pagestore fixed!";
  if (options.has_deterministic_random) process->make_heap_deterministic();
  if (options.has_deterministic_random && !values.random.is_null()) {
    if (Status status = process->write(values.random, kRandom, 16); !status.is_ok()) return status;
  }
  TracedThread* thread;
  Registers* registers;
  if (Status status = process->thread({}, &thread); !status.is_ok()) return status;
  if (Status status = thread->get_registers(&registers); !status.is_ok()) return status;
  // A program without a dynamic linker is there already.
  if (registers->instruction_pointer() != values.entry.value()) {
    if (Status status = run_to(values.entry, options, process); !status.is_ok()) return status;
  }
  return process->begin();
}

}  // namespace

Status launch(const LaunchOptions& options, TracedProcess* process) {
  Pipe go, report;
  SystemCallFilter filter;
  const SystemCallSet further_calls =
      options.further_calls | (options.has_kept_clock ? clock_calls() : SystemCallSet{});
  if (Status status = SystemCallFilter::make(further_calls, &filter); !status.is_ok()) return status;
  if (!go.open() || !report.open()) return Status::system(Error::spawn, "pipe2", errno);
  const pid_t parent = getpid(), pid = fork();
  if (pid < 0) return Status::system(Error::spawn, "fork", errno);
  if (pid == 0) Child(options, filter, parent, go.out.get(), report.in.get()).become();
  report.in = ScopedFd();
  char is_there;
  while (::read(report.out.get(), &is_there, 1) < 0 && errno == EINTR) continue;
  Status status = process->seize_child(pid, options.has_filter, further_calls);
  const bool must_ask = status.error() == Error::permission && is_unreadable();
  if (!status.is_ok() && !must_ask) {
    ::kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return status;
  }
  if (must_answer_counter(options)) process->answer_counter();
  if (options.has_kept_clock) process->keep_clock();
  const Tracing tracing = must_ask ? Tracing::must_ask : Tracing::is_seized;
  static_cast<void>(!::write(go.in.get(), &tracing, sizeof(tracing)));
  Stop stop;
  if (must_ask) status = process->take_child();
  if (status.is_ok()) status = process->run_to_exec(&stop);
  Failure failure;
  bool has_failed = false;
  while (status.is_ok() && !has_failed && ::read(report.out.get(), &failure, sizeof(failure)) == sizeof(failure)) {
    has_failed = failure.step != Step::addresses;
    if (!has_failed) process->mark_random_addresses();
  }
  if (has_failed) {
    status = Status::system(Error::spawn, name_of(failure.step), failure.error_number);
  } else if (status.is_ok() && stop.kind != StopKind::exec) {
    status = Status::system(Error::spawn, "a new process", ECHILD);
  }
  if (status.is_ok() && must_ask) status = process->seize_taken_child();
  if (status.is_ok()) status = process->check_interface();
  if (options.processor) process->change_processor(options.first_processor, *options.processor);
  if (status.is_ok()) status = run_to_entry(options, process);
  if (!status.is_ok()) process->kill();
  return status;
}

}  // namespace pagestore
