/* A game for one: add one, two or three until the sum is ten. Above that there is no alternative. */
#include "sums.h"

int sum;
int moves;

int main(void) {
  ps_state(&sum, sizeof sum);
  ps_ignore(&moves, sizeof moves);
  while (sum < 10) {
    moves++;
    sum += add_some();
    ps_assert(sum != 11, "eleven");
  }
  printf("%d in %d\n", sum, moves);
  if (sum > 10) ps_choose(0);
  return 0;
}
