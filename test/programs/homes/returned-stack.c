/* The value is how much longer the alternate signal stack is than at first. A handler that returns sets it, by its
 * frame. */
#define _GNU_SOURCE
#include <signal.h>
#include <ucontext.h>

#include "main.h"

enum { kAtFirst = 1 << 15 };
static char memory[1 << 16];
static volatile int longer;

static void on(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)info;
  ((ucontext_t*)context)->uc_stack.ss_size = (size_t)(kAtFirst + longer);
}
static void prepare(void) {
  struct sigaction act = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
  stack_t stack = {.ss_sp = memory, .ss_size = kAtFirst};
  if (sigaction(SIGUSR1, &act, NULL) != 0 || sigaltstack(&stack, NULL) != 0) abort();
}
static int get(void) {
  stack_t stack;
  if (sigaltstack(NULL, &stack) != 0) abort();
  return (int)stack.ss_size - kAtFirst;
}
static void set(int wanted) {
  longer = wanted;
  raise(SIGUSR1);
  longer = 0;
}
