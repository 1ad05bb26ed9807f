/* A ring buffer with an off-by-one: it takes one element more than it has room for. -DFIXED mends it. */
#include "../../include/pagestore.h"

enum { kRoom = 3, kNumbers = 8 };

static struct { unsigned char slots[kRoom], head, tail, count, next_in, next_out; } ring;

static void put(void) {
#ifdef FIXED
  if (ring.count >= kRoom) return;
#else
  if (ring.count > kRoom) return;
#endif
  ring.slots[ring.tail] = ring.next_in;
  ring.tail = (ring.tail + 1) % kRoom;
  ring.next_in = (ring.next_in + 1) % kNumbers;
  ++ring.count;
}

static void get(void) {
  if (ring.count == 0) return;
  ps_assert(ring.slots[ring.head] == ring.next_out, "first in, first out");
  ring.head = (ring.head + 1) % kRoom;
  ring.next_out = (ring.next_out + 1) % kNumbers;
  --ring.count;
}

int main(void) {
  ps_state(&ring, sizeof ring);
  for (;;) {
    if (ps_choose(2) == 0) {
      put();
    } else {
      get();
    }
  }
}
