// Suspends a coroutine as libraries do that switch stacks by themselves, as told: all that leads back to its frames is
// a stack pointer, in a place that only this program knows.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "contexts.h"

// Where the stack pointers are kept; what stands beside them is no code.
struct pair {
  long before;
  void* of_main;
  void* of_coroutine;
  long after;
};
static struct pair* volatile pair;

// They differ in how many words lie between the stack pointer and the return address.
typedef void switch_function(void** from, void* to);
switch_function switch_stacks, switch_boost, switch_most;
#define SWITCH(name, spare)                                                     \
  __asm__(".text\n.type " #name ", @function\n" #name                           \
          ":\n"                                                                 \
          "  push %rbx\n  push %rbp\n  push %r12\n  push %r13\n  push %r14\n"   \
          "  push %r15\n  sub $" #spare                                         \
          ", %rsp\n"                                                            \
          "  mov %rsp, (%rdi)\n  mov %rsi, %rsp\n"                              \
          "  add $" #spare                                                      \
          ", %rsp\n  pop %r15\n"                                                \
          "  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbp\n  pop %rbx\n  ret\n" \
          ".size " #name ", . - " #name "\n")
// The registers that calls preserve: with the modes of floating-point numbers and a word to align (Boost.Context); and
// with as many words as arm64 needs.
SWITCH(switch_stacks, 0);
SWITCH(switch_boost, 16);
SWITCH(switch_most, 136);
static switch_function* volatile switch_to = switch_stacks;

static void keeping_coroutine(void) {
  KEEP_TOLD(switch_to(&pair->of_coroutine, pair->of_main));
}

// A stack far below the caller's frame, with that function as return address behind so many saved words.
static NOT_INLINE void* new_stack(void (*function)(void), size_t saved) {
  uintptr_t* top = (uintptr_t*)((uintptr_t)((char*)__builtin_frame_address(0) - 2 * ROOM) & ~(uintptr_t)15);
  memset(top - 32, 0, 32 * sizeof *top);
  top[-2] = (uintptr_t)function;
  return top - 2 - saved;
}

static NOT_INLINE void first_switch(size_t saved) {
  pair->of_coroutine = new_stack(keeping_coroutine, saved);
  switch_to(&pair->of_main, pair->of_coroutine);
}

static void play(struct pair* where, switch_function* by, size_t saved) {
  pair = where;
  switch_to = by;
  first_switch(saved);
  for (;;) {
    said = ps_choose(WAYS);
    switch_to(&pair->of_main, pair->of_coroutine);
  }
}

// The pair lies in memory that is no stack.
static struct pair global;
static void in_global(void) {
  play(&global, switch_stacks, 6);
}
static void with_modes(void) {
  play(&global, switch_boost, 8);
}
static void with_most(void) {
  play(&global, switch_most, 23);
}

// In a frame that is in use.
static void in_frame(void) {
  struct pair own = {0};
  play(&own, switch_stacks, 6);
}

// In a frame of another thread.
static void* lend(void* nothing) {
  struct pair own = {0};
  pair = &own;
  for (;;) pause();
  return nothing;
}
static void in_other_thread(void) {
  pthread_t id;
  pthread_create(&id, NULL, lend, NULL);
  while (pair == NULL) sched_yield();
  play(pair, switch_stacks, 6);
}

// Between the stacks of other threads.
static void* sleep_on(void* nothing) {
  for (;;) pause();
  return nothing;
}
static void between_threads(void) {
  struct pair* between = NULL;
  for (int i = 0; i < 7; ++i) {
    pthread_t id;
    pthread_create(&id, NULL, sleep_on, NULL);
    if (i == 4) between = mmap(NULL, 1 << 21, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  play(between, switch_stacks, 6);
}

// Of two coroutines the one has the other's stack pointer in its own frame.
static void* volatile outer_stack;
static void passing_coroutine(void) {
  struct pair own = {0};
  pair = &own;
  first_switch(6);
  for (;;) {
    switch_stacks((void**)&outer_stack, global.of_main);
    switch_to(&pair->of_main, pair->of_coroutine);
  }
}
static NOT_INLINE void first_passing(void) {
  switch_stacks(&global.of_main, new_stack(passing_coroutine, 6));
}
static void in_suspended_frame(void) {
  first_passing();
  for (;;) {
    said = ps_choose(WAYS);
    switch_stacks(&global.of_main, outer_stack);
  }
}

// A coroutine that did not run yet: what it is told lies in a register that it will have.
void enter(void);
__asm__(".text\nenter:\n  mov %r15, %rdi\n  call begin\n");
void begin(long told) {
  ps_assert(told != 1 || said != 1, "it was told something else once");
  said = 0;
  exit(0);
}
static NOT_INLINE void prepare(int told) {
  long* stack = new_stack(enter, 6);
  *stack = told;
  pair->of_coroutine = stack;
}
static void before_it_runs(void) {
  struct pair own = {0};
  pair = &own;
  prepare(ps_choose(WAYS));
  said = ps_choose(WAYS);
  switch_to(&pair->of_main, pair->of_coroutine);
}

// Where the code goes on, and behind it the stack pointer; there is no return address near to where it points.
struct position {
  void *code, *stack;
  long nothing;
};
static struct position main_position, coroutine_position;
static NOT_INLINE void go(struct position* from, struct position* to) {
  volatile char room[1000];
  room[0] = 0;
  __asm__ volatile(
      "push %%rbp\n"
      "lea 1f(%%rip), %%rax\n"
      "mov %%rax, (%0)\n"
      "mov %%rsp, 8(%0)\n"
      "mov 8(%1), %%rsp\n"
      "jmp *(%1)\n"
      "1: pop %%rbp\n"
      : "+D"(from), "+S"(to)
      :
      : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory");
  room[1] = room[0];
}
static void going_coroutine(void) {
  KEEP_TOLD(go(&coroutine_position, &main_position));
}
static NOT_INLINE void first_go(void) {
  coroutine_position.code = (void*)going_coroutine;
  coroutine_position.stack = (char*)new_stack(going_coroutine, 0) + sizeof(void*);
  go(&main_position, &coroutine_position);
}
static void code_first(void) {
  first_go();
  for (;;) {
    said = ps_choose(WAYS);
    go(&main_position, &coroutine_position);
  }
}

int main(int count, char** arguments) {
  static const struct {
    const char* name;
    void (*run)(void);
  } all[] = {
      {"global", in_global},
      {"modes", with_modes},
      {"most", with_most},
      {"frame", in_frame},
      {"other-thread", in_other_thread},
      {"between-threads", between_threads},
      {"suspended-frame", in_suspended_frame},
      {"unstarted", before_it_runs},
      {"code-first", code_first},
  };
  for (size_t i = 0; count > 1 && i < sizeof all / sizeof all[0]; ++i) {
    if (strcmp(arguments[1], all[i].name) == 0) {
      all[i].run();
      return 0;
    }
  }
  return 2;
}
