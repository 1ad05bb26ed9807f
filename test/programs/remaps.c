/* Changes its memory and its mappings as it is told: by choices where it is checked, else by numbers from its input,
 * each of which it answers by a byte. A number is the seed of what one operation does, and its last digits say which
 * operation. All that it does depends on these numbers alone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "pagestore.h"

/* Older headers lack them. */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { PAGE = 4096, LARGE = 2 << 20, OPERATIONS = 32, SMALL_PAGES = 128, LARGE_PIECES = 4 };

/* Places that nothing else takes. */
static char* const small = (char*)0x100000000;
static char* const large = (char*)0x200000000;
static char* const other = (char*)0x300000000;
static uint64_t state;
static volatile char sink;

static unsigned number(unsigned n) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(state >> 33) % n;
}

static void must(int is_ok, const char* what) {
  if (is_ok) return;
  perror(what);
  exit(1);
}

static void map(char* at, size_t length) {
  void* made = mmap(at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  must(made != MAP_FAILED, "mmap");
}

static void fill(char* at, size_t length, unsigned one_in) {
  for (size_t i = 0; i < length; i += PAGE) {
    if (number(one_in) == 0) *(volatile uint64_t*)(at + i + number(500) * 8) = state;
  }
}

static void look(const char* at, size_t length) {
  for (size_t i = 0; i < length; i += PAGE) sink += at[i];
}

/* What comes after a mapping was changed: nothing, reading, some writing. */
static void use(char* at, size_t length) {
  switch (number(4)) {
    case 0:
      look(at, length);
      break;
    case 1:
      fill(at, length, 3);
      break;
    case 2:
      look(at, length);
      fill(at, length, 20);
      break;
    default:
      break;
  }
}

struct part {
  char* at;
  size_t length;
};

static struct part part_of_small(void) {
  unsigned from = number(SMALL_PAGES), pages = 1 + number(SMALL_PAGES - from);
  return (struct part){small + from * PAGE, (size_t)pages * PAGE};
}

static struct part piece_of_large(void) {
  return (struct part){large + (size_t)number(LARGE_PIECES) * LARGE, LARGE};
}

static struct part any_part(void) {
  return number(2) == 0 ? part_of_small() : piece_of_large();
}

static void begin(void) {
  map(small, SMALL_PAGES * PAGE);
  map(large, LARGE_PIECES * (size_t)LARGE);
  fill(small, SMALL_PAGES * PAGE, 1);
  fill(large, LARGE_PIECES * (size_t)LARGE, 2);
}

static void advise(struct part part, int advice) {
  /* Kernels without one of them do nothing. */
  (void)!madvise(part.at, part.length, advice);
}

static void move_away_and_back(struct part part) {
  /* Refused where the part has come to lie in several mappings. */
  if (mremap(part.at, part.length, part.length, MREMAP_MAYMOVE | MREMAP_FIXED, other) == MAP_FAILED) return;
  map(part.at, part.length);
  use(part.at, part.length);
  if (number(2) == 0) {
    void* back = mremap(other, part.length, part.length, MREMAP_MAYMOVE | MREMAP_FIXED, part.at);
    must(back != MAP_FAILED, "mremap back");
  } else {
    munmap(other, part.length);
  }
}

static void exchange_pieces(void) {
  char *one = large, *two = large + 2 * (size_t)LARGE;
  must(mremap(one, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, other) != MAP_FAILED, "mremap");
  must(mremap(two, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, one) != MAP_FAILED, "mremap");
  must(mremap(other, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, two) != MAP_FAILED, "mremap");
}

static void fork_and_write(void) {
  pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    fill(small, SMALL_PAGES * PAGE, 1);
    _exit(0);
  }
  fill(small, SMALL_PAGES * PAGE, 4);
  waitpid(child, NULL, 0);
  fill(large, LARGE, 9);
}

static void move_break(void) {
  static char* start;
  if (start == NULL) start = sbrk(0);
  unsigned pages = number(64);
  must(brk(start + (size_t)pages * PAGE) == 0, "brk");
  use(start, (size_t)pages * PAGE);
}

static void read_into(struct part part) {
  int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  (void)!read(file, part.at, part.length < 30000 ? part.length : 30000);
  close(file);
}

static void write_as_another(struct part part) {
  uint64_t values[3 * 512];
  for (size_t i = 0; i < 3 * 512; i++) values[i] = state + i;
  size_t length = part.length < sizeof values ? part.length : sizeof values;
  struct iovec from = {values, length}, to = {part.at, length};
  (void)!process_vm_writev(getpid(), &from, 1, &to, 1, 0);
}

static void write_by_file(struct part part) {
  int file = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  mprotect(part.at, PAGE, PROT_READ);
  must(pwrite(file, &state, sizeof state, (off_t)(uintptr_t)part.at) == sizeof state, "/proc/self/mem");
  mprotect(part.at, PAGE, PROT_READ | PROT_WRITE);
  close(file);
}

static void go_deep(unsigned depth) {
  volatile char frame[6000];
  frame[0] = (char)number(100);
  if (depth > 0) go_deep(depth - 1);
  sink += frame[0];
}

static void operate(unsigned seed) {
  state = seed;
  (void)number(1);
  struct part part = any_part();
  switch (seed % OPERATIONS) {
    case 0 ... 3:
      fill(part.at, part.length, 2 + number(30));
      break;
    case 4 ... 6:
      munmap(part.at, part.length);
      map(part.at, part.length);
      use(part.at, part.length);
      break;
    case 7 ... 10:
      advise(part, MADV_DONTNEED);
      use(part.at, part.length);
      break;
    case 11 ... 12:
      advise(part, MADV_FREE);
      /* What is not written to goes when the kernel likes. */
      fill(part.at, part.length, 1);
      break;
    case 13 ... 16:
      move_away_and_back(part);
      break;
    case 17 ... 18:
      exchange_pieces();
      break;
    case 19 ... 20:
      mprotect(small, SMALL_PAGES * PAGE, PROT_NONE);
      break;
    case 21:
      fork_and_write();
      break;
    case 22 ... 24:
      move_break();
      break;
    case 25:
      advise(part, MADV_PAGEOUT);
      use(part.at, part.length);
      break;
    case 26:
      advise(piece_of_large(), MADV_COLLAPSE);
      break;
    case 27:
      read_into(part);
      break;
    case 28:
      write_as_another(part);
      break;
    case 29:
      write_by_file(part);
      break;
    case 30:
      go_deep(10 + number(100));
      break;
    default:
      break;
  }
}

int main(void) {
  begin();
  for (;;) {
    int seed = 0;
    if (ps_under_check()) {
      seed = ps_choose(1 << 30);
    } else {
      if (read(0, &seed, sizeof seed) != sizeof seed) return 0;
    }
    /* What an operation before has made unreadable. */
    mprotect(small, SMALL_PAGES * PAGE, PROT_READ | PROT_WRITE);
    operate((unsigned)seed);
    if (!ps_under_check()) must(write(1, "", 1) == 1, "write");
  }
}
