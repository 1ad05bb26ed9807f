/* Holds state beside its memory: registers of all kinds, blocked signals, a signal that is being handled. */
#include "report.h"

#include <setjmp.h>

static unsigned char before[16 * 32 + 16], after[16 * 32 + 16];
static sigjmp_buf out;
static void* faulted;

#if defined(__x86_64__)
/* All of them filled, a system call, and all of them as they are behind it. */
#define EACH(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)
#define LOAD_AVX(i) "vmovdqu " #i "*32(%1), %%ymm" #i "\n"
#define SAVE_AVX(i) "vmovdqu %%ymm" #i ", " #i "*32(%2)\n"
#define LOAD_SSE(i) "movdqu " #i "*32(%1), %%xmm" #i "\n"
#define SAVE_SSE(i) "movdqu %%xmm" #i ", " #i "*32(%2)\n"
#define KEEP(load, save)                                                                                             \
  __asm__ volatile("fninit\nfldt 512(%1)\n" EACH(load) "syscall\n" EACH(save) "fstpt 512(%2)\n"                      \
                   : "+a"(number)                                                                                    \
                   : "r"(before), "r"(after)                                                                         \
                   : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
                     "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st")
static void keep_sse(void) {
  long number = SYS_getppid;
  KEEP(LOAD_SSE, SAVE_SSE);
}
__attribute__((target("avx"))) static void keep_avx(void) {
  long number = SYS_getppid;
  KEEP(LOAD_AVX, SAVE_AVX);
}
static void keep(void) {
  __builtin_cpu_supports("avx") ? keep_avx() : keep_sse();
}
#else
static void keep(void) {
  register double d8 __asm__("d8");
  double value;
  memcpy(&value, before, 8);
  d8 = value;
  __asm__ volatile("" : "+w"(d8));
  syscall(SYS_getppid);
  __asm__ volatile("" : "+w"(d8));
  value = d8;
  memcpy(after, &value, 8);
}
#endif

static void on_fault(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  faulted = info->si_addr;
  siglongjmp(out, 1);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (is(what, "registers")) {
    for (unsigned round = 1;; round++) {
      for (size_t i = 0; i < 512; i++) before[i] = (unsigned char)(i * 7 + round);
      const long double value = 1.0L / (long double)round;
      memcpy(before + 512, &value, 10);
      memset(after, 0, sizeof(after));
      keep();
      unsigned long sum = 0;
      for (size_t i = 0; i < 512 + 10; i++) sum = sum * 31 + after[i];
      report(sum);
    }
  }
  if (is(what, "mask")) {
    for (unsigned long mask = 0;; mask = (mask * 5 + 3) & 0x7ff) {
      sigset_t set, now;
      sigemptyset(&set);
      for (int i = 1; i < 12; i++) {
        if (mask >> i & 1) sigaddset(&set, i);
      }
      sigprocmask(SIG_SETMASK, &set, NULL);
      ps_choose(1);
      sigprocmask(SIG_SETMASK, NULL, &now);
      unsigned long is = 0;
      for (int i = 1; i < 12; i++) is |= (unsigned long)sigismember(&now, i) << i;
      report(is);
    }
  }
  if (is(what, "faults")) {
    struct sigaction action = {0};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, NULL);
    for (uintptr_t at = 0x1000;; at += 8) {
      if (sigsetjmp(out, 1) == 0) *(volatile int*)at = 1;
      report(faulted);
    }
  }
  if (is(what, "sum")) {
    double sum = 0;
    for (int i = 0;; i++) {
      sum = sum * 1.5 + ps_choose(3);
      char text[40];
      snprintf(text, sizeof(text), "%d %.17g", i, sum);
      ps_assert(i % 5 != 4, text);
    }
  }
  return 0;
}
