/* The choice is made in a signal handler, whose stack is an array in the frame of `main`. */
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
  char stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_handler = choose_there, .sa_flags = SA_ONSTACK};
  prepare();
  sigaltstack(&alternate, NULL);
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  return 0;
}
