// Two threads that wait by a clock of their own, in the ways of which the kernel shows more than a result.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static long long start;
static void say(const char* what, int result) {
  printf("%s %d at %lld\n", what, result, now() - start);
}

static void on_signal(int signal) {
  (void)signal;
}

static pthread_t first;

static void* other(void* unused) {
  (void)unused;
  usleep(300000);
  say("first of the other", 0);
  pthread_kill(first, SIGCHLD);  // ignored: it does not end the sleep
  usleep(300000);
  pthread_kill(first, SIGUSR1);
  usleep(1000);
  pthread_kill(first, SIGUSR1);
  sleep(100);
  return NULL;
}

// The same moment for all: those that began first end first.
static void* in_turn(void* number) {
  usleep(500000 - (useconds_t)(long)number * 100000);
  usleep((useconds_t)(long)number * 100000);
  printf("turn %ld at %lld\n", (long)number, now() - start);
  return NULL;
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  first = pthread_self();
  start = now();
  pthread_t thread;
  pthread_create(&thread, NULL, other, NULL);
  struct timespec asked = {10, 5000000}, rest = {1, 1};
  int result = nanosleep(&asked, &rest);
  say("nanosleep", result == 0 ? 0 : errno);
  printf("rest %lld %ld\n", (long long)rest.tv_sec, rest.tv_nsec);
  struct timeval limit = {7, 0};
  result = select(0, NULL, NULL, NULL, &limit);
  say("select", result == 0 ? 0 : errno);
  printf("rest %lld %ld\n", (long long)limit.tv_sec, (long)limit.tv_usec);
  int ends[2];
  if (pipe(ends) != 0) return 1;
  fd_set set;
  FD_ZERO(&set);
  FD_SET(ends[0], &set);
  limit.tv_sec = 2;
  result = select(ends[0] + 1, &set, NULL, NULL, &limit);
  say("select", result);
  printf("set %d\n", FD_ISSET(ends[0], &set));
  struct pollfd polled = {ends[0], POLLIN, 99};
  result = poll(&polled, 1, 1234);
  say("poll", result);
  printf("revents %d\n", polled.revents);
  pthread_join(thread, NULL);
  say("joined", 0);
  start = now();
  pthread_t three[3];
  for (long i = 0; i < 3; ++i) pthread_create(&three[i], NULL, in_turn, (void*)(i + 1));
  for (int i = 0; i < 3; ++i) pthread_join(three[i], NULL);
  return 0;
}
