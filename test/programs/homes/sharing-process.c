/* The program starts another process that shares its memory, and is no thread. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>

#include "main.h"

static volatile int value;
static char stack[65536] __attribute__((aligned(64)));

static int nothing(void* unused) {
  return unused != 0;
}
static void prepare(void) {}
static int get(void) {
  return value;
}
static void set(int wanted) {
  value = wanted;
  if (wanted == 1) clone(nothing, stack + sizeof stack, CLONE_VM | SIGCHLD, 0);
}
