// Puts its state where only a thread's registers and the kernel have it, as told: nothing in memory says what it is.
#define _GNU_SOURCE
#include <fenv.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pagestore.h"

#define NOT_INLINE __attribute__((noinline))

static NOT_INLINE void set_mask(int way) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(way ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}
static NOT_INLINE int get_mask(void) {
  sigset_t set;
  sigprocmask(SIG_BLOCK, NULL, &set);
  return sigismember(&set, SIGUSR1);
}

static NOT_INLINE void set_rounding(int way) {
  fesetround(way ? FE_UPWARD : FE_TONEAREST);
}
static NOT_INLINE int get_rounding(void) {
  volatile double one = 1, three = 3;
  return one / three > 0x1.5555555555555p-2;
}

static NOT_INLINE void set_exceptions(int way) {
  feclearexcept(FE_ALL_EXCEPT);
  if (way) feraiseexcept(FE_OVERFLOW);
}
static NOT_INLINE int get_exceptions(void) {
  return fetestexcept(FE_OVERFLOW) != 0;
}

#if defined(__x86_64__)

#include <asm/prctl.h>

static NOT_INLINE void set_precision(int way) {
  const unsigned short control = way ? 0x27f : 0x37f;
  __asm__ volatile("fldcw %0" : : "m"(control));
}
static NOT_INLINE int get_precision(void) {
  unsigned short control;
  __asm__ volatile("fnstcw %0" : "=m"(control));
  return control == 0x27f;
}

static const long bases[2] = {0, 1};
static NOT_INLINE void set_gs(int way) {
  syscall(SYS_arch_prctl, ARCH_SET_GS, &bases[way]);
}
static NOT_INLINE int get_gs(void) {
  long value;
  __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
  return (int)value;
}

// The thread's own area, and a copy of it.
static char area[2][8192] __attribute__((aligned(64)));
static char* own;
static NOT_INLINE void set_fs(int way) {
  if (own == NULL) {
    __asm__ volatile("mov %%fs:0, %0" : "=r"(own));
    memcpy(area[1], own - 1024, 1024 + 2560);
    *(char**)(area[1] + 1024) = own;
  }
  syscall(SYS_arch_prctl, ARCH_SET_FS, way ? area[1] + 1024 : own);
}
static NOT_INLINE int get_fs(void) {
  char* base;
  syscall(SYS_arch_prctl, ARCH_GET_FS, &base);
  syscall(SYS_arch_prctl, ARCH_SET_FS, own);
  return base != own;
}

static NOT_INLINE void set_alignment(int way) {
  unsigned long flags;
  __asm__ volatile("pushfq; pop %0" : "=r"(flags));
  flags = way ? flags | 1 << 18 : flags & ~(1ul << 18);
  __asm__ volatile("push %0; popfq" : : "r"(flags) : "cc");
}
static NOT_INLINE int get_alignment(void) {
  unsigned long flags;
  __asm__ volatile("pushfq; pop %0" : "=r"(flags));
  set_alignment(0);
  return (flags >> 18) & 1;
}

static NOT_INLINE void set_keys(int way) {
  const unsigned keys = way ? 0x55555550 : 0x55555554;
  __asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(keys), "c"(0), "d"(0));
}
static NOT_INLINE int get_keys(void) {
  unsigned keys, unused;
  __asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(keys), "=d"(unused) : "c"(0));
  return keys == 0x55555550;
}

// The processor forgets selectors that stand for no segment; what it was told is in memory.
static int selected;
static NOT_INLINE void set_selectors(int way) {
  const unsigned selector = way ? 1 : 2;
  selected = way;
  __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%gs" : : "r"(selector));
}
static NOT_INLINE int get_selectors(void) {
  return selected;
}

#endif

static const struct {
  const char* name;
  void (*set)(int);
  int (*get)(void);
} all[] = {
    {"mask", set_mask, get_mask},
    {"rounding", set_rounding, get_rounding},
    {"exceptions", set_exceptions, get_exceptions},
#if defined(__x86_64__)
    {"precision", set_precision, get_precision},
    {"gs", set_gs, get_gs},
    {"fs", set_fs, get_fs},
    {"alignment", set_alignment, get_alignment},
    {"keys", set_keys, get_keys},
    {"selectors", set_selectors, get_selectors},
#endif
};

static int kind, rounds;

int main(int count, char** arguments) {
  for (size_t i = 0; count > 1 && i < sizeof all / sizeof *all; ++i) {
    if (strcmp(all[i].name, arguments[1]) == 0) kind = (int)i;
  }
  all[kind].set(0);
  for (; rounds < 3; ++rounds) all[kind].set(ps_choose(2));
  ps_choose(1);
  ps_assert(all[kind].get() == 0, "it is as way 0 left it");
  return 0;
}
