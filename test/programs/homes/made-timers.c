/* How many of two timers have been deleted is the value. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "main.h"

static int timers[2];

static void prepare(void) {
  for (int i = 0; i < 2; i++) syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timers[i]);
}
static int get(void) {
  struct itimerspec now;
  int gone = 0;
  for (int i = 0; i < 2; i++) gone += syscall(SYS_timer_gettime, timers[i], &now) != 0;
  return gone;
}
static void set(int wanted) {
  for (int i = 0; i < wanted; i++) syscall(SYS_timer_delete, timers[i]);
}
