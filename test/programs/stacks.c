// Chooses on every kind of stack, as told, with frames that are in use below the one that chooses. Its true state is
// `at` and `secret`; what else is on its stacks follows from those.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "pagestore.h"

#define NOT_INLINE __attribute__((noinline))
#define ROOM 65536

static ucontext_t own, other;
static int at;

// Dirties the stack below its caller, each time otherwise.
static NOT_INLINE void dirty(int seed) {
  volatile char bytes[6000];
  for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = (char)(seed * 7 + (int)i);
}

static void chooser(void) {
  for (;;) {
    ps_choose(1);
    swapcontext(&other, &own);
  }
}

static void make(char* stack) {
  getcontext(&other);
  other.uc_stack.ss_sp = stack;
  other.uc_stack.ss_size = ROOM;
  other.uc_link = &own;
  makecontext(&other, chooser, 0);
}

// A secret in a frame that is in use below the one that chooses.
static NOT_INLINE void hide_and_switch(void) {
  volatile int secret = ps_choose(2);
  swapcontext(&own, &other);
  ps_assert(secret != 1, "the secret is not 1");
}

static NOT_INLINE void in_main_frame(void) {
  char stack[ROOM];
  memset(stack, 0, sizeof stack);
  make(stack);
  hide_and_switch();
}

static void elsewhere(void) {
  make(memset(malloc(ROOM), 0, ROOM));
  hide_and_switch();
}

static volatile int* seen;

static void on_signal(int number) {
  (void)number;
  at += ps_choose(2);
  ps_assert(*seen != 1, "the secret is not 1");
}

static NOT_INLINE void raise_with_secret(int flags) {
  volatile int secret = ps_choose(2);
  struct sigaction action;
  seen = &secret;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = flags;
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
}

static void in_handler(void) {
  raise_with_secret(0);
}

static NOT_INLINE void set_alternate(char* stack) {
  stack_t alternate;
  memset(&alternate, 0, sizeof alternate);
  alternate.ss_sp = stack;
  alternate.ss_size = ROOM;
  sigaltstack(&alternate, NULL);
}

static void on_alternate(void) {
  static char stack[ROOM];
  set_alternate(stack);
  raise_with_secret(SA_ONSTACK);
}

static NOT_INLINE void on_alternate_in_frame(void) {
  char stack[ROOM];
  memset(stack, 0, sizeof stack);
  set_alternate(stack);
  raise_with_secret(SA_ONSTACK);
}

static void choose_in_handler(int number) {
  (void)number;
  for (; at < 4; ++at) dirty(ps_choose(3));
}

// A call that waits with another mask ends with the handler, for which the signal is blocked before and after it.
static void in_sigsuspend(void) {
  static char stack[ROOM];
  struct sigaction action;
  sigset_t before, signal;
  set_alternate(stack);
  memset(&action, 0, sizeof action);
  action.sa_handler = choose_in_handler;
  action.sa_flags = SA_ONSTACK | SA_SIGINFO;
  sigaction(SIGUSR1, &action, NULL);
  sigemptyset(&signal);
  sigaddset(&signal, SIGUSR1);
  sigprocmask(SIG_BLOCK, &signal, &before);
  raise(SIGUSR1);
  sigsuspend(&before);
}

// The kernel keeps what a thread's last fault was, and writes it down with each later signal.
static char* forbidden;

static void on_fault(int number) {
  (void)number;
  mprotect(forbidden, 8192, PROT_READ | PROT_WRITE);
}

static void on_quiet_signal(int number) {
  (void)number;
  ps_choose(1);
}

static NOT_INLINE void fault(int way) {
  if (way > 0) forbidden[(way - 1) * 4096] = 0;
  mprotect(forbidden, 8192, PROT_NONE);
}

// Without optimization, what the signal interrupts has a red zone, and in it what the frame of a fault left: it counts.
static NOT_INLINE void clear_red_zone(void) {
#ifndef __OPTIMIZE__
  volatile char bytes[65536];
  for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = 0;
#endif
}

// With the same in all registers that a handler's frame has.
static NOT_INLINE void send_to_self(void) {
  clear_red_zone();
#if defined(__x86_64__)
  register long r8 __asm__("r8") = 0, r9 __asm__("r9") = 0, r10 __asm__("r10") = 0;
  long result = SYS_tgkill;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(getpid()), "S"(getpid()), "d"(SIGUSR1), "r"(r8), "r"(r9), "r"(r10)
                   : "rcx", "r11", "memory");
#else
  syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
#endif
}

static void after_faults(void) {
  forbidden = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  signal(SIGSEGV, on_fault);
  signal(SIGUSR1, on_quiet_signal);
  for (; at < 3; ++at) {
    fault(ps_choose(3));
    send_to_self();
  }
}

// A loop whose steps leave other bytes on the stack on each way, and a state that does not say which way it was.
static void plain(void) {
  for (; at < 4; ++at) dirty(ps_choose(3));
}

static void* thread(void* nothing) {
  plain();
  exit(0);
  return nothing;
}

static NOT_INLINE void join(const pthread_attr_t* attributes) {
  pthread_t id;
  pthread_create(&id, attributes, thread, NULL);
  pthread_join(id, NULL);
}

static void in_thread(void) {
  join(NULL);
}

// The lower part of a guarded mapping is in use by somebody else.
static char* arena;

static void* arena_thread(void* nothing) {
  for (; at < 3; ++at) {
    const int way = ps_choose(2);
    arena[100] = (char)way;
    dirty(way);
  }
  ps_assert(arena[100] != 1, "the secret is not 1");
  exit(0);
  return nothing;
}

static void beside_arena(void) {
  const size_t guard = 4096, used = 65536, room = 262144;
  pthread_attr_t attributes;
  pthread_t id;
  arena = mmap(NULL, guard + used + room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(arena, guard, PROT_NONE);
  arena += guard;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, arena + used, room);
  pthread_create(&id, &attributes, arena_thread, NULL);
  pthread_join(id, NULL);
}

// The page right below a thread's stack, which was its guard, is in use by somebody else.
static void* guard_thread(void* nothing) {
  pthread_attr_t attributes;
  size_t room;
  void* start;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &start, &room);
  pthread_attr_destroy(&attributes);
  arena = mmap((char*)start - 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return arena_thread(nothing);
}

static void beside_guard(void) {
  pthread_t id;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setguardsize(&attributes, 16384);
  pthread_create(&id, &attributes, guard_thread, NULL);
  pthread_join(id, NULL);
}

// Deeper than the stack was when it began.
static NOT_INLINE int deep(int levels) {
  volatile char bytes[4096];
  bytes[0] = (char)levels;
  return levels == 0 ? bytes[0] : deep(levels - 1) + bytes[0];
}

static void grown(void) {
  for (; at < 3; ++at) {
    if (ps_choose(2)) deep(100);
  }
}

// Aligned frames have tables of their own.
static NOT_INLINE void aligned(void) {
  __attribute__((aligned(128))) volatile char bytes[128];
  bytes[at] = bytes[0] = 0;
  (void)bytes[0];
  for (; at < 4; ++at) dirty(ps_choose(3));
}

int main(int count, char** arguments) {
  static const struct {
    const char* name;
    void (*run)(void);
  } all[] = {
      {"in-main-frame", in_main_frame},
      {"elsewhere", elsewhere},
      {"in-handler", in_handler},
      {"on-alternate", on_alternate},
      {"in-frame", on_alternate_in_frame},
      {"in-sigsuspend", in_sigsuspend},
      {"after-faults", after_faults},
      {"plain", plain},
      {"in-thread", in_thread},
      {"beside-arena", beside_arena},
      {"beside-guard", beside_guard},
      {"grown", grown},
      {"aligned", aligned},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
    if (count > 1 && strcmp(all[i].name, arguments[1]) == 0) all[i].run();
  }
  return 0;
}
