#include <signal.h>

#include "main.h"

static void prepare(void) {}
static int get(void) {
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  return sigismember(&blocked, SIGUSR1) + 2 * sigismember(&blocked, SIGUSR2);
}
static void set(int wanted) {
  sigset_t blocked;
  sigemptyset(&blocked);
  if (wanted & 1) sigaddset(&blocked, SIGUSR1);
  if (wanted & 2) sigaddset(&blocked, SIGUSR2);
  sigprocmask(SIG_SETMASK, &blocked, NULL);
}
