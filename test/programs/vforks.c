/* One thread counts; another goes into vfork, and the child into another one, as often as the argument says. The last
 * of them waits until a byte comes to standard input; with "asked", another one comes before the first vfork. At the
 * end the thread says how far the first one has got. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile long ticks;
static volatile int depth, is_asked;

static void wait_for_byte(void) {
  char byte;
  while (read(0, &byte, 1) < 0) continue;
}

static void go_deeper(void) {
  while (depth-- > 1) {
    if (vfork() != 0) _exit(0);
  }
  printf("inside\n");
  fflush(stdout);
  wait_for_byte();
  _exit(0);
}

static void* waits(void* unused) {
  if (is_asked) wait_for_byte();
  if (vfork() == 0) go_deeper();
  printf("over %ld\n", ticks);
  fflush(stdout);
  return unused;
}

int main(int argc, char** argv) {
  pthread_t thread;
  depth = atoi(argv[1]);
  is_asked = argc > 2 && strcmp(argv[2], "asked") == 0;
  pthread_create(&thread, NULL, waits, NULL);
  for (;;) {
    ++ticks;
    usleep(1000);
  }
}
