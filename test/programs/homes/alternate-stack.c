/* The choice is made in a signal handler whose stack is an array in the frame of `main`, and the value lies in a frame
 * below. */
#include <signal.h>

#include "home.h"

static volatile int* value;

static void prepare(void) {}
static int get(void) {
  return *value;
}
static void set(int wanted) {
  *value = wanted;
}

static void choose_there(int signal) {
  (void)signal;
  run();
}

__attribute__((noinline)) static int keep(void) {
  volatile int local = 0;
  value = &local;
  prepare();
  set(0);
  raise(SIGUSR1);
  return local >= 0 ? 0 : 1;
}

int main(void) {
  char stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_handler = choose_there, .sa_flags = SA_ONSTACK};
  sigaltstack(&alternate, NULL);
  sigaction(SIGUSR1, &action, NULL);
  return keep();
}
