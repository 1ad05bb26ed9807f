// The same without any library: what the program executes is its own code and the kernel's.
#include <stdint.h>

static long call(long number, long a, long b, long c) {
#if defined(__x86_64__)
  __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return number;
#else
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
#endif
}

#if defined(__x86_64__)
enum { kWrite = 1, kSleep = 35, kExit = 231 };
#else
enum { kWrite = 64, kSleep = 101, kExit = 94 };
#endif

__attribute__((used)) void _start(void) {
  for (;;) {
    double sum[2] = {0, 0};
    uint64_t hash[2] = {1, 1};
    for (int round = 0; round < 2; ++round) {
      for (int i = 1; i < 20000; ++i) sum[round] += 1.0 / i, hash[round] = (hash[round] ^ (uint64_t)i) * 0x100000001b3;
    }
    if (sum[0] != sum[1] || hash[0] != hash[1]) call(kExit, 3, 0, 0);
    long time[2] = {0, 500000};
    while (call(kSleep, (long)time, (long)time, 0) != 0) continue;
    if (call(kWrite, 1, (long)"a", 1) != 1) call(kExit, 4, 0, 0);
  }
}
