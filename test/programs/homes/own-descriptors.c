/* The value is an offset of a file that one thread alone has open: its descriptors are its own. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "main.h"

static sem_t asked, answered;
static int wanted = -1, offset;

static void* keep(void* unused) {
  if (unshare(CLONE_FILES) != 0) abort();
  int file = open("/proc/self/exe", O_RDONLY);
  for (;;) {
    sem_wait(&asked);
    if (wanted >= 0) lseek(file, wanted, SEEK_SET);
    offset = (int)lseek(file, 0, SEEK_CUR);
    sem_post(&answered);
  }
  return unused;
}
static int ask(int value) {
  wanted = value;
  sem_post(&asked);
  sem_wait(&answered);
  return offset;
}
static void prepare(void) {
  static pthread_t thread;
  pthread_create(&thread, NULL, keep, NULL);
}
static int get(void) {
  return ask(-1);
}
static void set(int value) {
  ask(value);
}
