// Suspends a coroutine by means of the C library and the compiler, as told.
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "contexts.h"

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
      {"setjmp", by_setjmp}, {"list", by_list},     {"builtin", by_builtin}, {"swapcontext", by_swapcontext},
      {"arena", in_arena},   {"thread", in_thread}, {"errors", with_errors}, {"inner-errors", with_inner_errors},
  };
  for (size_t i = 0; count > 1 && i < sizeof all / sizeof all[0]; ++i) {
    if (strcmp(arguments[1], all[i].name) == 0) {
      all[i].run();
      return 0;
    }
  }
  return 2;
}
