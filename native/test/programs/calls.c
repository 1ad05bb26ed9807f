/* Waits in a call, as its first argument says, then reports what came of it. Signals that it gets are counted. */
#include "report.h"

#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>

static volatile int signals;
static void on_signal(int signal) {
  (void)signal, signals++;
}

static int seconds_since(const struct timespec* begin) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int)((now.tv_sec - begin->tv_sec) * 1000 + (now.tv_nsec - begin->tv_nsec) / 1000000);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  const int milliseconds = argc > 2 ? atoi(argv[2]) : 100;
  const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  struct sigaction action = {0};
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, NULL); /* interrupts */
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR2, &action, NULL);
  char text[8] = "";
  struct timespec begin;
  static int word;
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &begin);
    signals = 0;
    errno = 0;
    long result = -1;
    memset(text, 0, sizeof(text));
    if (is(what, "read")) result = read(0, text, sizeof(text));
    if (is(what, "nanosleep")) result = nanosleep(&time, NULL);
    if (is(what, "clock_nanosleep")) result = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    if (is(what, "poll")) {
      struct pollfd one = {0, POLLIN, 0};
      result = poll(&one, 1, milliseconds);
    }
    if (is(what, "select")) {
      struct timeval wait = {milliseconds / 1000, milliseconds % 1000 * 1000};
      fd_set set;
      FD_ZERO(&set);
      FD_SET(0, &set);
      result = select(1, &set, NULL, NULL, &wait);
    }
    if (is(what, "sigsuspend")) {
      sigset_t none, usr1;
      sigemptyset(&none);
      sigemptyset(&usr1);
      sigaddset(&usr1, SIGUSR1);
      sigprocmask(SIG_BLOCK, &usr1, NULL);
      result = sigsuspend(&none);
      sigset_t now;
      sigprocmask(SIG_SETMASK, NULL, &now);
      if (!sigismember(&now, SIGUSR1)) signals += 100;
    }
    if (is(what, "futex")) result = syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, &time, NULL, 0);
    if (is(what, "futex-endless")) result = syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0);
    if (is(what, "waitpid")) result = waitpid(-1, NULL, 0);
    const int error = result < 0 ? errno : 0;
    char line[100];
    /* What is told: the result, the error, signals, data; and how long it took is not below what was asked. */
    snprintf(line, sizeof(line), "%ld %d %d %s", result, error, signals, text);
    ps_fail_at(line, seconds_since(&begin) >= milliseconds - 1 ? "slept" : "early", __LINE__);
  }
}
