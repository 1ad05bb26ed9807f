/* Threads that count, each for itself. The first argument says what they do. */
#include "report.h"

enum { kThreads = 3 };
static volatile unsigned long counts[kThreads + 1];
static volatile int may_end;
static __thread volatile unsigned long mine;
static volatile double sums[kThreads + 1];

static void* count(void* argument) {
  const long i = (long)argument;
  double x = 1;
  while (!may_end) {
    counts[i]++, mine++;
    x = x * 1.000001 + (double)i;
    sums[i] = x;
  }
  return argument;
}

static void* choose(void* argument) {
  for (;;) {
    const int chosen = ps_choose(10);
    counts[(long)argument] = counts[(long)argument] * 10 + (unsigned long)chosen;
  }
  return argument;
}

static void* sleep_and_count(void* argument) {
  for (;;) usleep(500), counts[(long)argument]++;
  return argument;
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  void* (*const body)(void*) = is(what, "choose") ? choose : is(what, "sleep") ? sleep_and_count : count;
  pthread_t threads[kThreads + 1];
  if (is(what, "more")) {
    report(1);
    pthread_create(&threads[0], NULL, count, NULL);
    report(2);
    may_end = 1;
    pthread_join(threads[0], NULL);
    report(3);
    return 0;
  }
  for (long i = 1; i <= kThreads; i++) pthread_create(&threads[i], NULL, body, (void*)i);
  if (is(what, "sleep")) {
    /* Its output is for whoever started it, when all are on their chosen. */
    for (int i = 1; i <= kThreads; i++) {
      while (counts[i] == 0) usleep(100);
    }
    printf("%p\n", (void*)counts), fflush(stdout);
    sleep_and_count(NULL);
  }
  report(counts);
  body(NULL);
  return 0;
}
