/* For homes of a program that chooses in `main`. */
#include "home.h"

int main(void) {
  prepare();
  set(0);
  if (get() != 0) abort();
  run();
  return 0;
}
