/* In two flags of the processor: ID, which nobody but the program can change, and NT. A step may go back to the start,
 * so that there are states that differ in ID to go back to. */
#include "home.h"
#include "lacks.h"

#if defined(__x86_64__)

#include <stdint.h>

enum { ID = 1 << 21, NT = 1 << 14 };

static uint64_t flags(void) {
  uint64_t all;
  __asm__ volatile("pushfq; pop %0" : "=r"(all));
  return all;
}

static void prepare(void) {}
static int get(void) {
  const uint64_t all = flags();
  return (all & ID ? 1 : 0) + (all & NT ? 2 : 0);
}
static void set(int wanted) {
  const uint64_t all = (flags() & ~(uint64_t)(ID | NT)) | (wanted & 1 ? ID : 0) | (wanted & 2 ? NT : 0);
  __asm__ volatile("push %0; popfq" : : "r"(all) : "cc", "memory");
}

#else

static void prepare(void) {
  lacks("x86-64 processor");
}
static int get(void) {
  return 0;
}
static void set(int wanted) {
  (void)wanted;
}

#endif

int main(void) {
  (void)run;
  prepare();
  for (;;) {
    const int choice = ps_choose(3);
    if (choice == 2)
      set(0);
    else
      step(choice);
  }
}
