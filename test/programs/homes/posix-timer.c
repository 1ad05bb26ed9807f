/* When a timer is to go off is the value. */
#include <signal.h>
#include <time.h>

#include "main.h"

static timer_t timer;

static void prepare(void) {
  timer_create(CLOCK_MONOTONIC, NULL, &timer);
}
static int get(void) {
  struct itimerspec now;
  timer_gettime(timer, &now);
  return (int)((now.it_value.tv_sec + 500) / 1000);
}
static void set(int wanted) {
  const struct itimerspec time = {{0, 0}, {wanted * 1000, 0}};
  timer_settime(timer, 0, &time, NULL);
}
