/* Two choices; and with an argument, states that are to be told apart or not. */
#include "tell.h"

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
  tell(&state), tell(&noise), tell(&ignored);
  for (;;) {
    const int way = ps_choose(100);
    if (way / 10 == 1) state[0] = way % 10;
    if (way / 10 == 2) noise = way % 10;
    if (way / 10 == 3) ignored = way % 10;
    if (way / 10 == 4) dirty_the_stack(way);
    if (way == 50) ps_choose(7);
    if (way == 60) ps_choose(100);
  }
}
