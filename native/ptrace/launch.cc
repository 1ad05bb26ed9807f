#include "ptrace/launch.h"

#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "ptrace/call_filter.h"

namespace pagestore {

namespace {

// What a child was doing when it failed; the parent has the words.
enum class Step : int { session, streams, directory, addresses, processor, counter, filter, exec };

const char* name_of(Step step) {
  switch (step) {
    case Step::session:
      return "setsid";
    case Step::streams:
      return "stdio";
    case Step::directory:
      return "cwd";
    case Step::addresses:
      return "personality(ADDR_NO_RANDOMIZE)";
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

#if defined(__x86_64__)

// The dynamic linker takes its own times by the processor's counter, and keeps them: until it is done each
// look at the counter is a fault, and is answered with how many came before.
constexpr bool kHasCounter = true;

bool hide_counter() {
  return prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0;
}

// Whether that is what the thread stopped for; then it is behind it.
bool answer_counter(const TracedProcess& process, uint64_t answer) {
  constexpr uint8_t kLook[] = {0x0f, 0x31}, kLookWithProcessor[] = {0x0f, 0x01, 0xf9};
  TracedThread* thread;
  Registers* registers;
  uint8_t code[sizeof(kLookWithProcessor)];
  if (!process.thread(0, &thread).is_ok() || !thread->get_registers(&registers).is_ok()) return false;
  if (!process.read(registers->at(), code, sizeof(code)).is_ok()) return false;
  const bool is_long = memcmp(code, kLookWithProcessor, sizeof(kLookWithProcessor)) == 0;
  if (!is_long && memcmp(code, kLook, sizeof(kLook)) != 0) return false;
  registers->rax = answer;
  registers->rdx = 0;
  if (is_long) registers->rcx = 0;
  registers->rip += is_long ? sizeof(kLookWithProcessor) : sizeof(kLook);
  thread->changed();
  return true;
}

Status show_counter(TracedProcess* process) {
  int64_t result = 0;
  return process->call({SYS_prctl, {PR_SET_TSC, PR_TSC_ENABLE}}, &result);
}

#else

constexpr bool kHasCounter = false;
bool hide_counter() {
  return true;
}
bool answer_counter(const TracedProcess&, uint64_t) {
  return false;
}
Status show_counter(TracedProcess*) {
  return Status::ok();
}

#endif

// In the child of a process with several threads: nothing here may take a lock or allocate.
class Child {
 public:
  Child(const LaunchOptions& options, int go, int report) : options_(options), go_(go), report_(report) {}

  [[noreturn]] void become() {
    // Who changed its user may not be traced by its own kind until it is another program.
    prctl(PR_SET_DUMPABLE, 1);
    static_cast<void>(!::write(report_, "", 1));
    char go;
    while (::read(go_, &go, 1) < 0 && errno == EINTR) continue;
    check(Step::session, setsid() >= 0);
    set_streams();
    check(Step::directory, options_.directory == nullptr || chdir(options_.directory) == 0);
    // All but the three streams and the way to tell of a failure, which closes by itself.
    syscall(SYS_close_range, report_ + 1, ~0u, 0);
    for (int fd = 3; fd < report_; ++fd) close(fd);
    forget_signals();
    const int persona = personality(0xffffffff);
    check(Step::addresses,
          !options_.fixes_addresses || personality(static_cast<unsigned long>(persona) | ADDR_NO_RANDOMIZE) >= 0);
    if (options_.processor >= 0) {
      cpu_set_t processors;
      CPU_ZERO(&processors);
      CPU_SET(static_cast<size_t>(options_.processor), &processors);
      check(Step::processor, sched_setaffinity(0, sizeof(processors), &processors) == 0);
    }
    check(Step::counter, !options_.fixes_random || hide_counter());
    const int refused = options_.has_filter ? install_call_filter() : 0;
    if (refused != 0) fail(Step::filter, refused);
    execve(options_.file, options_.arguments, options_.environment);
    fail(Step::exec, errno);
  }

 private:
  void check(Step step, bool is_fine) const {
    if (!is_fine) fail(step, errno);
  }
  [[noreturn]] void fail(Step step, int error_number) const {
    const Failure failure{step, error_number};
    static_cast<void>(!::write(report_, &failure, sizeof(failure)));
    _exit(127);
  }

  // A descriptor may be wanted for one stream and stand where another belongs: all are copied out of the
  // way first.
  void set_streams() {
    constexpr int kOutOfTheWay = 10;
    report_ = fcntl(report_, F_DUPFD_CLOEXEC, kOutOfTheWay);
    check(Step::streams, report_ >= 0);
    int copies[3];
    for (int i = 0; i < 3; ++i) {
      const int wanted = options_.streams[i];
      const int fd = wanted == LaunchOptions::kIgnore ? open("/dev/null", O_RDWR | O_CLOEXEC) : wanted;
      copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, kOutOfTheWay);
      check(Step::streams, copies[i] >= 0);
    }
    for (int i = 0; i < 3; ++i) check(Step::streams, dup2(copies[i], i) == i);
    for (const int copy : copies) close(copy);
  }

  static void forget_signals() {
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  const LaunchOptions& options_;
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

// Where its code begins, and where its random bytes are.
Status read_auxiliary(const TracedProcess& process, uint64_t* entry, uint64_t* random) {
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/auxv", process.pid());
  const ScopedFd file(open(path, O_RDONLY | O_CLOEXEC));
  Elf64_auxv_t values[64];
  const ssize_t got = file.is_open() ? read(file.get(), values, sizeof(values)) : -1;
  if (got <= 0) return Status::system(Error::spawn, "/proc/PID/auxv", errno);
  for (size_t i = 0; i < static_cast<size_t>(got) / sizeof(values[0]); ++i) {
    if (values[i].a_type == AT_ENTRY) *entry = values[i].a_un.a_val;
    if (values[i].a_type == AT_RANDOM) *random = values[i].a_un.a_val;
  }
  return Status::ok();
}

// Libraries may start threads and processes and handle signals before the program's own code begins.
Status run_to(uint64_t entry, const LaunchOptions& options, TracedProcess* process) {
  RunOptions run = options.run;
  run.has_breakpoint = true;
  run.breakpoint = entry;
  Stop stop;
  for (uint64_t looks = 0;;) {
    if (Status status = process->resume(run, &stop); !status.is_ok()) return status;
    run.signal = RunOptions::the_one_it_stopped_for;
    const bool is_fault = stop.kind == StopKind::signal && stop.value == SIGSEGV;
    if (options.fixes_random && is_fault && answer_counter(*process, looks)) {
      ++looks;
      run.signal = RunOptions::none;
    }
    if (stop.kind == StopKind::breakpoint) return Status::ok();
    if (stop.kind == StopKind::timeout) {
      return Status::system(Error::spawn, "the program's own code did not begin in time", ETIMEDOUT);
    }
    if (stop.kind == StopKind::exit || stop.kind == StopKind::killed) break;
    if (stop.kind == StopKind::choice) {
      return Status::system(Error::spawn, "a choice before the program's own code begins", ENOTSUP);
    }
  }
  return Status::system(Error::spawn, "the program ended before its own code began", ENOEXEC);
}

Status run_to_entry(const LaunchOptions& options, TracedProcess* process) {
  uint64_t entry = 0, random = 0;
  if (Status status = read_auxiliary(*process, &entry, &random); !status.is_ok()) return status;
  constexpr char kFixed[17] = "pagestore fixed!";
  if (options.fixes_random) process->fix_random();
  if (options.fixes_random && random != 0) {
    if (Status status = process->write(random, kFixed, 16); !status.is_ok()) return status;
  }
  TracedThread* thread;
  Registers* registers;
  if (Status status = process->thread(0, &thread); !status.is_ok()) return status;
  if (Status status = thread->get_registers(&registers); !status.is_ok()) return status;
  // Without a dynamic linker nothing comes before it.
  if (registers->at() != entry) {
    if (Status status = run_to(entry, options, process); !status.is_ok()) return status;
  }
  return options.fixes_random && kHasCounter ? show_counter(process) : Status::ok();
}

}  // namespace

Status launch(const LaunchOptions& options, TracedProcess* process) {
  Pipe go, report;
  if (!go.open() || !report.open()) return Status::system(Error::spawn, "pipe2", errno);
  const pid_t pid = fork();
  if (pid < 0) return Status::system(Error::spawn, "fork", errno);
  if (pid == 0) Child(options, go.out.get(), report.in.get()).become();
  report.in = ScopedFd();
  char is_there;
  while (::read(report.out.get(), &is_there, 1) < 0 && errno == EINTR) continue;
  Status status = process->seize_child(pid, options.has_filter);
  if (!status.is_ok()) {
    ::kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return status;
  }
  static_cast<void>(!::write(go.in.get(), "", 1));
  Stop stop;
  status = process->run_to_exec(&stop);
  Failure failure;
  if (status.is_ok() && ::read(report.out.get(), &failure, sizeof(failure)) == sizeof(failure)) {
    status = Status::system(Error::spawn, name_of(failure.step), failure.error_number);
  } else if (status.is_ok() && stop.kind != StopKind::exec) {
    status = Status::system(Error::spawn, "a new process", ECHILD);
  }
  if (status.is_ok()) status = run_to_entry(options, process);
  if (!status.is_ok()) process->kill();
  return status;
}

}  // namespace pagestore
