/* Lies to its checker, as the words of its first argument say: each is a letter and numbers, and is done before one
 * more choice. The second argument says how many choices there are. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "pagestore.h"

enum { PAGE = 4096 };
static char* page; /* behind it is nothing */
static int count;

static void choose_in_handler(int signal) {
  (void)signal;
  ps_choose(2);
}

static void* choose_in_thread(void* unused) {
  ps_choose(2);
  return unused;
}

/* A number, of which a letter may say what it is relative to. */
static uint64_t number(char** at) {
  while (**at == ',') ++*at;
  uint64_t base = 0;
  if (**at == 'p') base = (uint64_t)page, ++*at;
  if (**at == 'l') base = (uint64_t)&ps_program_layout, ++*at;
  if (**at == 's') base = (uint64_t)__builtin_frame_address(0), ++*at;
  if (**at == 'c') base = (uint64_t)&count, ++*at;
  return base + strtoull(*at, at, 10);
}

static void act(char** at) {
  const char what = *(*at)++;
  const uint64_t a = number(at), b = number(at), c = number(at), d = number(at);
  pthread_t thread;
  switch (what) {
    case 'q': /* any call of ours */
      ps_call((long)a, b, (void*)c, d);
      break;
    case 'w': /* any word of the layout */
      ((uint32_t*)&ps_program_layout)[a % (sizeof ps_program_layout / 4)] = (uint32_t)b;
      break;
    case 'r': /* any range of it */
      ps_program_layout.states = (uint32_t)(a % 300), ps_program_layout.ignored = (uint32_t)(b % 300);
      ps_program_layout.state[d % PS_MOST_RANGES] = (struct ps_range){c, d};
      ps_program_layout.ignore[a % PS_MOST_RANGES] = (struct ps_range){b, c};
      break;
    case 'd': /* declared as it should be, if not the right thing */
      ps_state((void*)a, b);
      break;
    case 'i':
      ps_ignore((void*)a, b);
      break;
    case 'u':
      munmap((void*)((a / PAGE) * PAGE), PAGE * (b % 4 + 1));
      break;
    case 'm':
      mprotect((void*)((a / PAGE) * PAGE), PAGE, (int)(b % 8));
      break;
    case 'h':
      signal(SIGUSR1, choose_in_handler);
      raise(SIGUSR1);
      break;
    case 't':
      if (pthread_create(&thread, NULL, choose_in_thread, NULL) == 0 && a % 2 == 0) pthread_join(thread, NULL);
      break;
    case 'b': { /* much memory, of which little is there */
      char* big =
          mmap(NULL, 1ull << (a % 46), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (big != MAP_FAILED) big[(1ull << (a % 46)) / 2] = 1;
      break;
    }
    case 'n': /* many mappings */
      for (uint64_t i = 0; i < a % 2000; i++)
        mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      break;
    case 'x':
      prctl(PR_SET_DUMPABLE, a % 2);
      break;
    case 'k':
      kill(getpid(), (int)(a % 65));
      break;
    case 'e':
      syscall(a % 2 ? SYS_exit : SYS_exit_group, b);
      break;
    case 'z':
      for (;;)
        if (a % 2) pause();
    default:
      break;
  }
}

int main(int argc, char** argv) {
  if (argc < 3) return 99;
  page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(page + PAGE, PAGE);
  memset(page, 'A', PAGE);
  char* at = argv[1];
  for (const int most = atoi(argv[2]); count < most; count++) {
    const int way = ps_choose(2);
    if (way == 1 && *at != '\0') act(&at);
    if (*at == ';') ++at;
  }
  return 0;
}
