/* Which blocked signals are pending: one for the thread, one for the process. */
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "main.h"

static sigset_t both;

static void prepare(void) {
  sigemptyset(&both);
  sigaddset(&both, SIGUSR1);
  sigaddset(&both, SIGUSR2);
  sigprocmask(SIG_BLOCK, &both, NULL);
}
static int get(void) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGUSR1) + 2 * sigismember(&pending, SIGUSR2);
}
static void set(int value) {
  const struct timespec at_once = {0, 0};
  while (sigtimedwait(&both, NULL, &at_once) > 0) continue;
  if ((value & 1) != 0) raise(SIGUSR1);
  if ((value & 2) != 0) kill(getpid(), SIGUSR2);
}
