/* The choice is made in a signal handler. */
#include <signal.h>

#include "home.h"

static volatile int value;

static void prepare(void) {}
static int get(void) {
  return value;
}
static void set(int wanted) {
  value = wanted;
}

static void choose_there(int signal) {
  (void)signal;
  run();
}

int main(void) {
  prepare();
  signal(SIGUSR1, choose_there);
  raise(SIGUSR1);
  return 0;
}
