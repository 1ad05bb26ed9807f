/* Two choices; and with an argument, states that differ or not. */
#include "report.h"

static int state[2], noise, ignored;

__attribute__((noinline)) static void dirty_the_stack(int with) {
  volatile int dead[500];
  /* Not the end of it, that lies next to what lives: a function may keep things below its stack pointer. */
  for (int i = 0; i < 400; i++) dead[i] = with, (void)dead[i];
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (is(what, "")) {
    const int first = ps_choose(3);
    return first * 10 + ps_choose(3);
  }
  if (is(what, "state")) ps_state(state, sizeof(state));
  if (is(what, "ignore")) ps_ignore(&ignored, sizeof(ignored));
  if (is(what, "thread-id")) syscall(SYS_set_tid_address, -1L); /* the last byte of all */
  report(&state), report(&noise), report(&ignored);
  for (;;) {
    const int chosen = ps_choose(100);
    if (chosen / 10 == 1) state[0] = chosen % 10;
    if (chosen / 10 == 2) noise = chosen % 10;
    if (chosen / 10 == 3) ignored = chosen % 10;
    if (chosen / 10 == 4) dirty_the_stack(chosen);
    if (chosen == 50) ps_choose(7);
    if (chosen == 60) ps_choose(100);
  }
}
