/* Wolf, goat and cabbage. One step: the farmer crosses alone or with one of them that is on his bank, if nothing is
 * eaten then. */
#include "../../include/pagestore.h"

enum { kFarmer, kWolf, kGoat, kCabbage, kAll };
static unsigned char bank[kAll];

static int is_safe(const unsigned char* at) {
  return at[kGoat] == at[kFarmer] || (at[kGoat] != at[kWolf] && at[kGoat] != at[kCabbage]);
}

static int cross(unsigned char* at, int with) {
  if (at[with] != at[kFarmer]) return 0;
  at[with] = !at[with];
  if (with != kFarmer) at[kFarmer] = !at[kFarmer];
  return is_safe(at);
}

int main(void) {
  ps_state(bank, sizeof bank);
  for (;;) {
    int able[kAll], count = 0;
    for (int with = 0; with < kAll; ++with) {
      unsigned char then[kAll];
      memcpy(then, bank, sizeof bank);
      if (cross(then, with)) able[count++] = with;
    }
    cross(bank, able[ps_choose(count)]);
  }
}
