/* Peterson's mutual exclusion with two lines swapped: who wants in gives way before saying so. Two processes, one step
 * each time; one that has to wait cannot go. -DFIXED mends it. */
#include "../../include/pagestore.h"

static struct { unsigned char wants[2], turn, at[2]; } all;

enum { kFirst, kSecond, kWait, kInside };

static int can_go(int me) {
  return all.at[me] != kWait || !all.wants[!me] || all.turn == me;
}

static void go(int me) {
#ifdef FIXED
  const int says = kFirst;
#else
  const int says = kSecond;
#endif
  switch (all.at[me]) {
    case kFirst:
    case kSecond:
      if (all.at[me] == says) {
        all.wants[me] = 1;
      } else {
        all.turn = !me;
      }
      ++all.at[me];
      break;
    case kWait:
      all.at[me] = kInside;
      ps_assert(all.at[!me] != kInside, "mutual exclusion");
      break;
    case kInside:
      all.wants[me] = 0;
      all.at[me] = kFirst;
      break;
  }
}

int main(void) {
  ps_state(&all, sizeof all);
  for (;;) {
    int able[2], count = 0;
    for (int i = 0; i < 2; ++i) {
      if (can_go(i)) able[count++] = i;
    }
    go(able[ps_choose(count)]);
  }
}
