/* Missionaries and cannibals, three of each, a boat for two. One step: the boat crosses with one or two, if nobody is
 * outnumbered by cannibals on either bank then. */
#include "../../include/pagestore.h"

static struct { signed char missionaries, cannibals, boat; /* on the left bank */ } left = {3, 3, 1};

static int is_safe(int missionaries, int cannibals) {
  int others = 3 - missionaries, hungry = 3 - cannibals;
  return missionaries >= 0 && missionaries <= 3 && cannibals >= 0 && cannibals <= 3 &&
         (missionaries == 0 || missionaries >= cannibals) && (others == 0 || others >= hungry);
}

int main(void) {
  static const signed char loads[5][2] = {{1, 0}, {2, 0}, {0, 1}, {0, 2}, {1, 1}};
  ps_state(&left, sizeof left);
  for (;;) {
    int able[5], count = 0, sign = left.boat ? -1 : 1;
    for (int i = 0; i < 5; ++i) {
      if (is_safe(left.missionaries + sign * loads[i][0], left.cannibals + sign * loads[i][1])) able[count++] = i;
    }
    int load = able[ps_choose(count)];
    left.missionaries = (signed char)(left.missionaries + sign * loads[load][0]);
    left.cannibals = (signed char)(left.cannibals + sign * loads[load][1]);
    left.boat = !left.boat;
  }
}
