/* Right below the small stack of a coroutine, in which the choices are made. */
#include <ucontext.h>

#include "home.h"

static struct {
  char before[1024 - sizeof(int)];
  volatile int value;
  char stack[512] __attribute__((aligned(16)));
} all;
static ucontext_t outer, inner;
static volatile int answer;

static void prepare(void) {}
static int get(void) {
  return all.value;
}
static void set(int wanted) {
  all.value = wanted;
}

static void choose_there(void) {
  for (;;) {
    swapcontext(&inner, &outer);
    answer = ps_choose(2);
  }
}

__attribute__((noinline)) static void enter(void) {
  swapcontext(&outer, &inner);
}

int main(void) {
  (void)run;
  prepare();
  getcontext(&inner);
  inner.uc_stack.ss_sp = all.stack;
  inner.uc_stack.ss_size = sizeof all.stack;
  makecontext(&inner, choose_there, 0);
  ps_ignore(&inner.uc_mcontext, sizeof inner.uc_mcontext); /* has registers that a call need not keep */
  enter();                                                 /* up to before its first choice, as it is before each */
  step(0);
  for (;;) {
    enter();
    const int choice = answer;
    answer = 0;
    step(choice);
  }
}
