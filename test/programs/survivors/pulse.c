// Four threads that check themselves, each of which says now and then that it is well: a byte of its own on the
// standard output. One computes, one sleeps, one waits for another's bytes, one takes a lock with a time limit.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int numbers[2];
static long shared;

static void say(char what) {
  if (write(1, &what, 1) != 1) _exit(4);
}

static void require(int is_true) {
  if (!is_true) _exit(3);
}

static uint64_t mix(uint64_t hash, uint64_t value) {
  return (hash ^ value) * 0x100000001b3;
}

// A place for breakpoints.
__attribute__((noinline)) void beat(void) {
  __asm__ volatile("");
}

static void pause_for(long nanoseconds) {
  struct timespec time = {0, nanoseconds};
  while (nanosleep(&time, &time) != 0) continue;
}

static void* compute(void* unused) {
  (void)unused;
  for (;;) {
    double sum[2] = {0, 0};
    uint64_t hash[2] = {1, 1};
    for (int round = 0; round < 2; ++round) {
      for (int i = 1; i < 200000; ++i) sum[round] += 1.0 / i, hash[round] = mix(hash[round], (uint64_t)i);
    }
    require(sum[0] == sum[1] && hash[0] == hash[1]);
    beat();
    say('b');
    pause_for(300000);
  }
  return NULL;
}

static void* receive(void* unused) {
  (void)unused;
  for (unsigned char expected = 0;; ++expected) {
    unsigned char got;
    require(read(numbers[0], &got, 1) == 1 && got == expected);
    if (expected % 4 == 0) say('c');
  }
  return NULL;
}

static void* share(void* unused) {
  (void)unused;
  for (;;) {
    struct pollfd nothing = {-1, 0, 0};
    require(poll(&nothing, 1, 2) == 0 || errno == EINTR);
    pthread_mutex_lock(&lock);
    const long before = shared;
    for (volatile int i = 0; i < 1000; ++i) continue;
    shared = before + 1;
    pthread_mutex_unlock(&lock);
    say('d');
  }
  return NULL;
}

static void answer(int signal) {
  const int before = errno;
  (void)signal;
  say('s');
  errno = before;
}

// For a program that is more than this one (filtered.c).
__attribute__((weak)) void after_start(void) {}

int main(void) {
  struct sigaction action = {.sa_handler = answer, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  void* (*const all[])(void*) = {compute, receive, share};
  require(pipe(numbers) == 0);
  for (int i = 0; i < 3; ++i) {
    pthread_t thread;
    require(pthread_create(&thread, NULL, all[i], NULL) == 0);
  }
  after_start();
  for (unsigned char number = 0;; ++number) {
    char text[4096];
    memset(text, number, sizeof(text));
    require(write(numbers[1], &number, 1) == 1);
    pause_for(500000);
    pthread_mutex_lock(&lock);
    ++shared;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < sizeof(text); ++i) require(text[i] == (char)number);
    sigset_t blocked;
    require(sigprocmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, SIGUSR1) == 0);
    if (number % 4 == 0) say('a');
  }
}
