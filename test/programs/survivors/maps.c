// Two threads that check themselves and can be rolled back at any moment, each of which says now and then that it is
// well: a byte of its own on the standard output. One maps memory, fills it, looks at it and gives it back.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void say(char what) {
  if (write(1, &what, 1) != 1) _exit(4);
}

static void require(int is_true) {
  if (!is_true) _exit(3);
}

static void* count(void* unused) {
  (void)unused;
  for (unsigned long number = 1;; ++number) {
    sigset_t blocked;
    char text[2000];
    memset(text, (int)number, sizeof(text));
    for (size_t i = 0; i < sizeof(text); ++i) require(text[i] == (char)number);
    require(pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, SIGUSR1) == 0);
    if (number % 64 == 0) say('b');
    if (number % 64 == 0) usleep(200);
  }
  return NULL;
}

int main(void) {
  pthread_t thread;
  require(pthread_create(&thread, NULL, count, NULL) == 0);
  for (unsigned char number = 0;; ++number) {
    const size_t length = (size_t)(1 + number % 16) << 14;
    unsigned char* const memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(memory != MAP_FAILED);
    memset(memory, number, length);
    for (size_t i = 0; i < length; i += 999) require(memory[i] == number);
    require(munmap(memory, length) == 0);
    if (number % 16 == 0) say('a');
    if (number % 16 == 0) usleep(300);
  }
}
