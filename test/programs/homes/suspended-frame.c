/* In a frame that is suspended below the one that chooses: only a saved context leads back to it. */
#include <setjmp.h>

#include "home.h"

static jmp_buf of_caller, of_frame;
static volatile int wanted, seen;

static void __attribute__((noinline)) keep(char* room) {
  volatile int value = 0;
  room[0] = 0;
  for (;;) {
    if (setjmp(of_frame) == 0) longjmp(of_caller, 1);
    if (wanted >= 0) value = wanted;
    seen = value;
  }
}

/* What lies between is for the frames of others. */
static void __attribute__((noinline)) start_far_below(void) {
  char room[32768];
  keep(room);
}

static void __attribute__((noinline)) resume(int value) {
  wanted = value;
  if (setjmp(of_caller) == 0) longjmp(of_frame, 1);
}

static void prepare(void) {
  if (setjmp(of_caller) == 0) start_far_below();
}
static int get(void) {
  resume(-1);
  const int value = seen;
  seen = wanted = 0;
  return value;
}
static void set(int value) {
  resume(value);
  seen = wanted = 0;
}

/* What lies between the frames counts, too, so that a first step leaves there what all others do. */
int main(void) {
  (void)run;
  prepare();
  for (int choice = 0;; choice = ps_choose(2)) step(choice);
}
