/* The jugs of "Die Hard", of 3 and 5 gallons. One step: fill one, empty one, or pour one into the other; all six can
 * always be done, also where they change nothing. */
#include "../../include/pagestore.h"

static struct { int small, big; } jugs;

static int smaller(int a, int b) {
  return a < b ? a : b;
}

int main(void) {
  ps_state(&jugs, sizeof jugs);
  for (;;) {
    int poured;
    switch (ps_choose(6)) {
      case 0:
        jugs.small = 3;
        break;
      case 1:
        jugs.big = 5;
        break;
      case 2:
        jugs.small = 0;
        break;
      case 3:
        jugs.big = 0;
        break;
      case 4:
        poured = smaller(jugs.small, 5 - jugs.big);
        jugs.small -= poured;
        jugs.big += poured;
        break;
      case 5:
        poured = smaller(jugs.big, 3 - jugs.small);
        jugs.big -= poured;
        jugs.small += poured;
        break;
    }
  }
}
