/* Dining philosophers, N of them (default 5). One step: take the left fork, take the right one, or having both put both
 * down. With -DREVERSED the last one takes the right fork first.
 * -DSINGLY: forks are put down one by one, the left one first; who then holds only the right one is in a phase of its
 * own. */
#include "../../include/pagestore.h"

#ifndef N
#define N 5
#endif

static struct {
  unsigned char phase[N]; /* 0 thinks, 1 has the first fork, 2 has both, 3 has put down the first */
  unsigned char taken[N]; /* fork i lies left of philosopher i */
} table;

static int fork_of(int philosopher, int nth) {
#ifdef REVERSED
  if (philosopher == N - 1) nth = 1 - nth;
#endif
  return (philosopher + nth) % N;
}

static int can_go(int philosopher) {
  int phase = table.phase[philosopher];
  return phase >= 2 || !table.taken[fork_of(philosopher, phase)];
}

static void go(int philosopher) {
  unsigned char* phase = &table.phase[philosopher];
  int first = fork_of(philosopher, 0), second = fork_of(philosopher, 1);
  switch (*phase) {
    case 0:
      table.taken[first] = 1;
      *phase = 1;
      break;
    case 1:
      table.taken[second] = 1;
      *phase = 2;
      break;
    case 2:
      table.taken[first] = 0;
#ifdef SINGLY
      *phase = 3;
      break;
    case 3:
#endif
      table.taken[second] = 0;
      *phase = 0;
      break;
  }
}

int main(void) {
  ps_state(&table, sizeof table);
  for (;;) {
    int able[N], count = 0;
    for (int i = 0; i < N; ++i) {
      if (can_go(i)) able[count++] = i;
    }
    go(able[ps_choose(count)]);
  }
}
