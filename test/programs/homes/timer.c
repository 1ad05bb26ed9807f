/* When a timer is to ring is the value. */
#include <sys/time.h>

#include "main.h"

static void prepare(void) {}
static int get(void) {
  struct itimerval timer;
  getitimer(ITIMER_REAL, &timer);
  return (int)((timer.it_value.tv_sec + 500) / 1000);
}
static void set(int wanted) {
  struct itimerval timer = {{0, 0}, {wanted * 1000, 0}};
  setitimer(ITIMER_REAL, &timer, NULL);
}
