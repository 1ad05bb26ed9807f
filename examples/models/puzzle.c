/* The 8-puzzle. One step: a tile beside the hole slides into it. All positions that can be reached, from the solved
 * one. -DROWS=2: two rows of three. */
#include "../../include/pagestore.h"

#ifndef ROWS
#define ROWS 3
#endif
enum { kColumns = 3, kTiles = ROWS * kColumns };

static unsigned char tiles[kTiles];

int main(void) {
  ps_state(tiles, sizeof tiles);
  for (int i = 0; i < kTiles; ++i) tiles[i] = (unsigned char)i;
  for (;;) {
    int hole = 0, beside[4], count = 0;
    while (tiles[hole] != 0) ++hole;
    if (hole % kColumns > 0) beside[count++] = hole - 1;
    if (hole % kColumns < kColumns - 1) beside[count++] = hole + 1;
    if (hole >= kColumns) beside[count++] = hole - kColumns;
    if (hole < kTiles - kColumns) beside[count++] = hole + kColumns;
    int from = beside[ps_choose(count)];
    tiles[hole] = tiles[from];
    tiles[from] = 0;
  }
}
