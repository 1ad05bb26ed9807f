/* Two threads add to one counter without a lock: each adds `argv[1]` times, in two steps. A choice with one way before
 * each step lets whoever decides which thread runs decide between the steps. */
#include <pthread.h>

#include "pagestore.h"

static volatile int counter;
static int rounds;

static void* add(void* unused) {
  (void)unused;
  for (int i = 0; i < rounds; i++) {
    ps_choose(1);
    int read = counter;
    ps_choose(1);
    counter = read + 1;
  }
  return NULL;
}

int main(int argc, char** argv) {
  pthread_t threads[2];
  rounds = argc > 1 ? atoi(argv[1]) : 1;
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, add, NULL);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  return counter;
}
