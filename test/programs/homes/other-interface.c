#include "main.h"

static int value;

static void prepare(void) {}
static int get(void) {
  return value;
}
static void set(int wanted) {
#if defined(__x86_64__)
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory"); /* getpid of the interface for 32-bit programs */
#endif
  value = wanted;
}
