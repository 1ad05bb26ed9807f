/* Double-checked initialisation that says that it is done before it is. Two threads, one step each time. -DFIXED mends
 * it. */
#include "../../include/pagestore.h"

static struct { unsigned char ready, locked, value, at[2]; } all;

enum { kLook, kLock, kMake, kFinish, kUse, kDone };

static int can_go(int me) {
  return all.at[me] != kDone && (all.at[me] != kLock || !all.locked);
}

static void go(int me) {
  switch (all.at[me]) {
    case kLook:
      all.at[me] = all.ready ? kUse : kLock;
      break;
    case kLock:
      all.locked = 1;
      all.at[me] = all.ready ? kFinish : kMake;
      break;
    case kMake:
#ifdef FIXED
      all.value = 42;
#else
      all.ready = 1;
#endif
      all.at[me] = kFinish;
      break;
    case kFinish:
      all.value = 42;
      all.ready = 1;
      all.locked = 0;
      all.at[me] = kUse;
      break;
    case kUse:
      ps_assert(all.value == 42, "used before it was made");
      all.at[me] = kDone;
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
    if (count == 0) return 0;
    go(able[ps_choose(count)]);
  }
}
