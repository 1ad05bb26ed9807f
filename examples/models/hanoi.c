/* The towers of Hanoi, N discs (default 3). One step: the top disc of one peg goes to another peg where it may lie.
 * Each position is a state; each move, there and back, a transition. */
#include "../../include/pagestore.h"

#ifndef N
#define N 3
#endif

static unsigned char peg_of[N]; /* of each disc, the smallest first */

static int top_of(int peg) {
  for (int disc = 0; disc < N; ++disc) {
    if (peg_of[disc] == peg) return disc;
  }
  return N;
}

int main(void) {
  ps_state(peg_of, sizeof peg_of);
  for (;;) {
    struct {
      int disc, to;
    } moves[6];
    int count = 0;
    for (int from = 0; from < 3; ++from) {
      for (int to = 0; to < 3; ++to) {
        if (top_of(from) >= top_of(to)) continue;
        moves[count].disc = top_of(from);
        moves[count++].to = to;
      }
    }
    int choice = ps_choose(count);
    peg_of[moves[choice].disc] = (unsigned char)moves[choice].to;
  }
}
