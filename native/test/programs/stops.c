/* Does what its first argument says: one kind of stop each. */
#include "report.h"

static volatile int count;

__attribute__((noinline)) static void count_one(void) {
  count++;
}
__attribute__((noinline)) static int ask(void) {
  return ps_choose(2);
}

static void on_first(int signal) {
  (void)signal, count += 1;
}
static void on_second(int signal) {
  (void)signal, count += 10;
}

static void* run_thread(void* argument) {
  count = 5;
  return argument;
}
static void* spin(void* argument) {
  for (;;) count++;
  return argument;
}
static void* wait_then_count(void* argument) {
  pthread_join(*(pthread_t*)argument, NULL);
  count = 6;
  report(count);
  exit(count);
}
static void* start_and_end_threads(void* argument) {
  pthread_t thread;
  for (;;) {
    if (pthread_create(&thread, NULL, run_thread, NULL) == 0) pthread_join(thread, NULL);
  }
  return argument;
}

static int status_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WEXITSTATUS(status);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "exit";
  const int value = argc > 2 ? atoi(argv[2]) : 0;
  pthread_t thread;
  if (is(what, "exit")) return value;
  if (is(what, "choice")) {
    const int chosen = ps_choose(3);
    ps_assert(chosen != 1, "one");
    ps_choose(0);
    return chosen;
  }
  if (is(what, "calls")) {
    for (int i = 0; i < 3; ++i) syscall(SYS_getppid), syscall(SYS_getuid);
    return 0;
  }
  if (is(what, "signals")) {
    signal(SIGUSR1, on_first);
    signal(SIGUSR2, on_second);
    report(0);
    for (int i = 0; i < 3; ++i) raise(SIGUSR1);
    return count;
  }
  if (is(what, "breakpoint")) {
    report(count_one);
    for (int i = 0; i < 5; ++i) count_one();
    return count;
  }
  if (is(what, "breakpoint-fork")) {
    report(count_one);
    const pid_t child = fork();
    count_one();
    if (child == 0) _exit(7 + count);
    return status_of(child);
  }
  if (is(what, "breakpoint-vfork")) {
    report(count_one);
    const pid_t child = vfork();
    count_one();
    if (child == 0) _exit(7);
    return status_of(child) + count;
  }
  if (is(what, "breakpoint-exec")) {
    report(count_one);
    execl(argv[2], argv[2], (char*)NULL);
  }
  if (is(what, "breakpoint-choice")) {
    report(ask);
    return ask() + 2 * ask() + 4 * ask();
  }
  if (is(what, "exec")) execl(argv[0], argv[0], "exit", argv[2], (char*)NULL);
  if (is(what, "thread-exec")) {
    for (int i = 0; i < 3; ++i) pthread_create(&thread, NULL, spin, NULL);
    execl(argv[0], argv[0], "exit", argv[2], (char*)NULL);
  }
  if (is(what, "thread")) {
    pthread_create(&thread, NULL, run_thread, NULL);
    pthread_join(thread, NULL);
    return count;
  }
  if (is(what, "first-ends")) {
    static pthread_t first;
    first = pthread_self();
    pthread_create(&thread, NULL, wait_then_count, &first);
    pthread_exit(NULL);
  }
  if (is(what, "fork")) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 100; ++i) free(malloc(1 << 20));
      _exit(value);
    }
    return status_of(child);
  }
  if (is(what, "vfork")) {
    const pid_t child = vfork();
    if (child == 0) execl(argv[0], argv[0], "exit", argv[2], (char*)NULL), _exit(1);
    return status_of(child);
  }
  if (is(what, "fork-and-end")) {
    const pid_t child = fork();
    if (child == 0) {
      for (;;) free(malloc(1 << 20));
    }
    return 0;
  }
  if (is(what, "system")) return WEXITSTATUS(system("exit 4"));
  if (is(what, "spin")) {
    for (;;) count++;
  }
  if (is(what, "threads-spin")) {
    for (int i = 0; i < 2; ++i) pthread_create(&thread, NULL, start_and_end_threads, NULL);
    for (;;) count++;
  }
  if (is(what, "abort")) abort();
  if (is(what, "fault")) {
    report(&count);
    *(volatile int*)(uintptr_t)0x1230 = 1;
  }
  if (is(what, "stop")) {
    raise(SIGSTOP);
    return 3;
  }
  if (is(what, "read")) {
    char byte = 0;
    const ssize_t got = read(0, &byte, 1);
    return got == 1 ? byte : 99;
  }
  return 98;
}
