/* A farmer with a wolf, a goat and a cabbage crosses a river; the boat takes one of them, and whoever is left alone
 * must not eat. The program that examples/river.ts explores. */
#include "pagestore.h"

enum { WOLF, GOAT, CABBAGE, FARMER, EVERYBODY };

static int is_across[EVERYBODY];

static int eats(int one, int other) {
  return is_across[one] == is_across[other] && is_across[one] != is_across[FARMER];
}

int main(void) {
  ps_state(is_across, sizeof is_across);
  for (;;) {
    const int passenger = ps_choose(4); /* FARMER: nobody else */
    if (is_across[passenger] != is_across[FARMER]) ps_choose(0);
    if (passenger != FARMER) is_across[passenger] = !is_across[passenger];
    is_across[FARMER] = !is_across[FARMER];
    if (eats(WOLF, GOAT) || eats(GOAT, CABBAGE)) ps_choose(0);
    ps_assert(!(is_across[WOLF] && is_across[GOAT] && is_across[CABBAGE] && is_across[FARMER]), "all are across");
  }
}
