/* Two threads choose. */
#include <pthread.h>

#include "main.h"

static volatile int value;

static void* choose_there(void* argument) {
  (void)ps_choose(2);
  return argument;
}

static void prepare(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, choose_there, NULL);
}
static int get(void) {
  return value;
}
static void set(int wanted) {
  value = wanted;
}
