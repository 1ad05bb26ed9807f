// Suspends a coroutine whose frames lie below the one that chooses, as told, and goes on in it later: what it keeps is
// in those frames alone. The true state is how many rounds there were, `mode` and what the coroutine has kept.
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "pagestore.h"

#define NOT_INLINE __attribute__((noinline))
#define ROOM 32768

enum { WAYS = 3, ROUNDS = 3 };

// What main says to the coroutine.
static volatile int said;

// Keeps what it is told in its own frame: it fails if it was told 1 in each round.
#define KEEP_TOLD(suspend)                                     \
  volatile int all_were_one = 1;                               \
  for (volatile int round = 0; round < ROUNDS; ++round) {      \
    suspend;                                                   \
    if (said != 1) all_were_one = 0;                           \
    said = 0;                                                  \
  }                                                            \
  ps_assert(!all_were_one, "it was told something else once"); \
  exit(0)

// Leaves other bytes below its caller each time.
static NOT_INLINE void dirty(int seed) {
  volatile char bytes[3000];
  for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = (char)(seed * 7 + (int)i);
}

// The context of main, and the coroutine's, by setjmp: both outside of stacks.
static jmp_buf of_main, of_coroutine;

static NOT_INLINE void jumping_coroutine(char* room) {
  room[0] = 0;
  KEEP_TOLD(if (setjmp(of_coroutine) == 0) longjmp(of_main, 1));
}

static NOT_INLINE void start_jumping(void (*run)(char*)) {
  char room[ROOM];
  run(room);
}

static void by_setjmp(void) {
  if (setjmp(of_main) == 0) start_jumping(jumping_coroutine);
  for (;;) {
    said = ps_choose(WAYS);
    if (setjmp(of_main) == 0) longjmp(of_coroutine, 1);
  }
}

// A list of coroutines, each of which keeps its own context in its own frame.
struct coroutine {
  struct coroutine* next;
  char name[24];
  jmp_buf context;
};
static struct coroutine* idle;

static NOT_INLINE void listed_coroutine(char* room) {
  struct coroutine self = {.next = idle};
  room[0] = 0;
  idle = &self;
  KEEP_TOLD(if (setjmp(self.context) == 0) longjmp(of_main, 1));
}

static void by_list(void) {
  if (setjmp(of_main) == 0) start_jumping(listed_coroutine);
  for (;;) {
    said = ps_choose(WAYS);
    if (setjmp(of_main) == 0) longjmp(idle->context, 1);
  }
}

// The compiler's own way, which calls no function.
static void *builtin_main[5], *builtin_coroutine[5];

static NOT_INLINE void resume_builtin(void) {
  __builtin_longjmp(builtin_coroutine, 1);
}
static NOT_INLINE void return_builtin(void) {
  __builtin_longjmp(builtin_main, 1);
}

static NOT_INLINE void builtin_frames(char* room) {
  room[0] = 0;
  KEEP_TOLD(if (__builtin_setjmp(builtin_coroutine) == 0) return_builtin());
}

static void by_builtin(void) {
  if (__builtin_setjmp(builtin_main) == 0) start_jumping(builtin_frames);
  for (;;) {
    said = ps_choose(WAYS);
    if (__builtin_setjmp(builtin_main) == 0) resume_builtin();
  }
}

// A coroutine of the C library's on a piece of the stack that nobody else will reach.
static ucontext_t own, other;

static void swapping_coroutine(void) {
  KEEP_TOLD(swapcontext(&other, &own));
}

static void by_swapcontext(void) {
  getcontext(&other);
  other.uc_stack.ss_sp = (char*)__builtin_frame_address(0) - 3 * ROOM;
  other.uc_stack.ss_size = ROOM;
  other.uc_link = NULL;
  makecontext(&other, swapping_coroutine, 0);
  swapcontext(&own, &other);
  for (;;) {
    said = ps_choose(WAYS);
    swapcontext(&own, &other);
  }
}

// The coroutine that chooses lies right above the one that keeps, with nothing between, on memory that is no stack.
static ucontext_t chooser;

static void choosing_coroutine(void) {
  for (;;) {
    said = ps_choose(WAYS);
    swapcontext(&chooser, &own);
  }
}

static void in_arena(void) {
  char* arena = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void (*const functions[])(void) = {swapping_coroutine, choosing_coroutine};
  ucontext_t* const contexts[] = {&other, &chooser};
  for (int i = 0; i < 2; ++i) {
    getcontext(contexts[i]);
    contexts[i]->uc_stack.ss_sp = arena + i * ROOM;
    contexts[i]->uc_stack.ss_size = ROOM;
    contexts[i]->uc_link = NULL;
    makecontext(contexts[i], functions[i], 0);
  }
  for (;;) {
    swapcontext(&own, &other);
    swapcontext(&own, &chooser);
  }
}

// On the stack of another thread.
static void* thread(void* nothing) {
  by_setjmp();
  return nothing;
}

static void in_thread(void) {
  pthread_t id;
  pthread_create(&id, NULL, thread, NULL);
  pthread_join(id, NULL);
}

#if defined(__x86_64__)

// Of a library that switches stacks by itself: all that a context is lies on its stack, but the stack pointer.
static void *stack_of_main, *stack_of_coroutine;
void switch_stacks(void** from, void* to);
__asm__(
    ".text\n"
    ".type switch_stacks, @function\n"
    "switch_stacks:\n"
    "  push %rbx\n  push %rbp\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  mov %rsp, (%rdi)\n"
    "  mov %rsi, %rsp\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbp\n  pop %rbx\n"
    "  ret\n"
    ".size switch_stacks, . - switch_stacks\n");

static void switching_coroutine(void) {
  KEEP_TOLD(switch_stacks(&stack_of_coroutine, stack_of_main));
}

static void by_switch(void) {
  uintptr_t* top = (uintptr_t*)((uintptr_t)((char*)__builtin_frame_address(0) - 2 * ROOM) & ~(uintptr_t)15);
  memset(top - 8, 0, 8 * sizeof *top);
  top[-2] = (uintptr_t)switching_coroutine;
  stack_of_coroutine = top - 8;
  switch_stacks(&stack_of_main, stack_of_coroutine);
  for (;;) {
    said = ps_choose(WAYS);
    switch_stacks(&stack_of_main, stack_of_coroutine);
  }
}

#endif

// Errors handled as they mostly are: no frame is left that would be needed.
static jmp_buf on_error;
static volatile int rounds;

static NOT_INLINE void check(int way) {
  dirty(way);
  if (way == 2) longjmp(on_error, 1);
}

static void with_errors(void) {
  for (; rounds < ROUNDS; ++rounds) {
    if (setjmp(on_error) == 0) check(ps_choose(WAYS));
  }
}

// The same inside a function that returns before the next choice.
static NOT_INLINE int try(int way) {
  jmp_buf here;
  if (setjmp(here) != 0) return 0;
  dirty(way);
  if (way == 2) longjmp(here, 1);
  return 0;
}

static void with_inner_errors(void) {
  for (; rounds < ROUNDS; ++rounds) try(ps_choose(WAYS));
}

int main(int count, char** arguments) {
  static const struct {
    const char* name;
    void (*run)(void);
  } all[] = {
    {"setjmp", by_setjmp},
    {"list", by_list},
    {"builtin", by_builtin},
    {"swapcontext", by_swapcontext},
    {"arena", in_arena},
    {"thread", in_thread},
#if defined(__x86_64__)
    {"switch", by_switch},
#endif
    {"errors", with_errors},
    {"inner-errors", with_inner_errors},
  };
  for (size_t i = 0; count > 1 && i < sizeof all / sizeof all[0]; ++i) {
    if (strcmp(arguments[1], all[i].name) == 0) {
      all[i].run();
      return 0;
    }
  }
  return 2;
}
