// Of programs that suspend a coroutine whose frames lie below the one that chooses, and go on in it later: what it
// keeps is in those frames alone. The true state is how many rounds there were and what the coroutine has kept.
#pragma once

#include <stdlib.h>

#include "pagestore.h"

#define NOT_INLINE __attribute__((noinline))
#define ROOM 32768

enum { WAYS = 3, ROUNDS = 3 };

// What main says to the coroutine.
static volatile int said;

// Keeps what it is told in its own frame: it fails if it was told 1 in each round.
#define KEEP_TOLD(suspend)                                     \
  volatile int all_were_one = 1;                               \
  for (volatile int round = 0; round < ROUNDS; ++round) {      \
    suspend;                                                   \
    if (said != 1) all_were_one = 0;                           \
    said = 0;                                                  \
  }                                                            \
  ps_assert(!all_were_one, "it was told something else once"); \
  exit(0)
