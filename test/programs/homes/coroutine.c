/* The choice is made on a stack that is an array in the frame of `main`, and the value lies in a frame below. */
#include <ucontext.h>

#include "home.h"

static ucontext_t outer, inner;
static volatile int* value;

static void prepare(void) {}
static int get(void) {
  return *value;
}
static void set(int wanted) {
  *value = wanted;
}

static void choose_there(void) {
  run();
}

__attribute__((noinline)) static int keep(void) {
  volatile int local = 0;
  value = &local;
  prepare();
  set(0);
  swapcontext(&outer, &inner);
  return local >= 0 ? 0 : 1;
}

int main(void) {
  char stack[65536];
  getcontext(&inner);
  inner.uc_stack.ss_sp = stack;
  inner.uc_stack.ss_size = sizeof stack;
  inner.uc_link = &outer;
  makecontext(&inner, choose_there, 0);
  return keep();
}
