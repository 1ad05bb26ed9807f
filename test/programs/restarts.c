// Sleeps, and then waits for a futex, both by one instruction, which has a name. Ends with 0 if each gives what it
// should.
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

__attribute__((noinline, noclone)) static long call(long number, void* first, long second, void* fourth) {
#if defined(__x86_64__)
  long result;
  register void* r10 __asm__("r10") = fourth;
  __asm__ volatile(".globl named_call, behind_call\nnamed_call: syscall\nbehind_call: nop"
                   : "=a"(result)
                   : "0"(number), "D"(first), "S"(second), "d"(0), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
#else
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = (long)first, x1 __asm__("x1") = second;
  register long x2 __asm__("x2") = 0, x3 __asm__("x3") = (long)fourth;
  __asm__ volatile(".globl named_call, behind_call\nnamed_call: svc #0\nbehind_call: nop"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3)
                   : "memory");
  return x0;
#endif
}

int main(void) {
  struct timespec shortly = {0, 200000000};
  int word = 0;
  if (call(SYS_nanosleep, &shortly, 0, 0) != 0) return 1;
  return call(SYS_futex, &word, FUTEX_WAIT_PRIVATE, &shortly) == -ETIMEDOUT ? 0 : 2;
}
