/* Changes its mappings as it is told: each answer to its question is a command. */
#include "report.h"

enum { kSlots = 12, kPage = 4096 };

/* Everything below `writable` may not be written to, and perhaps not be read. */
static struct {
  char* at;
  long pages, writable;
  int flags;
} slots[kSlots];
static char* first_break;
static int file;
static unsigned seed;

static unsigned next(void) {
  return (seed = seed * 1664525 + 1013904223) >> 8;
}

static void scribble(char* from, long pages) {
  for (int i = 0; i < 3 && pages > 0; i++) {
    from[next() % (unsigned)pages * kPage + next() % kPage] = (char)next();
  }
}

__attribute__((noinline)) static int recurse(int depth) {
  volatile char frame[kPage];
  frame[0] = (char)depth;
  frame[kPage - 1] = (char)next();
  return depth == 0 ? frame[0] : recurse(depth - 1) + frame[0];
}

/* Small, or (seldom) so large that it has page tables of its own. */
static long some_pages(unsigned a) {
  return a % 8 == 7 ? 1100 : 1 + a % 8;
}

static void map(int i, long pages, int flags, int fd) {
  slots[i].at = mmap(NULL, (size_t)pages * kPage, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (slots[i].at == MAP_FAILED) _exit(2);
  slots[i].pages = pages, slots[i].writable = 0, slots[i].flags = flags;
}

static void unmap(int i) {
  munmap(slots[i].at, (size_t)slots[i].pages * kPage);
  slots[i].at = NULL;
}

static void obey(int command) {
  const int what = command % 16, i = command / 16 % kSlots;
  const unsigned a = (unsigned)command / 256 % 64, b = (unsigned)command / 16384 % 64;
  seed = (unsigned)command;
  const int has = slots[i].at != NULL;
  char* const at = slots[i].at;
  const long pages = slots[i].pages;
  /* Of shared memory no part can be made again. */
  const int is_shared = slots[i].flags == (MAP_SHARED | MAP_ANONYMOUS);
  const int is_plain = slots[i].flags == (MAP_PRIVATE | MAP_ANONYMOUS);
  if (what == 0) {
    char* old = sbrk((long)(a % 20) * kPage);
    scribble(old, a % 20);
  } else if (what == 1) {
    const long above = ((char*)sbrk(0) - first_break) / kPage;
    if (above > 0) sbrk(-(long)(a % (unsigned)above + 1) * kPage);
  } else if (what == 2) {
    for (int j = 0; j < 30; j++) recurse((int)(a + b * 4) % 3 ? 0 : (int)(a + b));
  } else if (!has) {
    const int is_shared = what == 3, is_file = what == 4 || what == 5;
    map(i, is_file ? 1 + a % 6 : some_pages(a),
        is_file ? MAP_PRIVATE : (is_shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, is_file ? file : -1);
    scribble(at == NULL ? slots[i].at : at, slots[i].pages);
  } else if (what == 3) {
    unmap(i);
  } else if (what == 4 && pages > 2 && !is_shared) { /* the end */
    const long keep = 1 + (long)(a % (unsigned)(pages - 1));
    munmap(at + keep * kPage, (size_t)(pages - keep) * kPage);
    slots[i].pages = keep;
    if (slots[i].writable > keep) slots[i].writable = keep;
  } else if (what == 5 && pages > 2 && !is_shared) { /* the middle: the end is forgotten */
    munmap(at + kPage, kPage);
    slots[i].pages = 1;
    if (slots[i].writable > 1) slots[i].writable = 1;
    munmap(at + 2 * kPage, (size_t)(pages - 2) * kPage - (b % 2 && pages > 3 ? kPage : 0));
  } else if (what == 6 && slots[i].writable == 0 && is_plain) {
    const long wanted = some_pages(a);
    char* moved = mremap(at, (size_t)pages * kPage, (size_t)wanted * kPage, MREMAP_MAYMOVE);
    if (moved != MAP_FAILED) slots[i].at = moved, slots[i].pages = wanted;
  } else if (what == 7 && slots[i].writable == 0 && pages > 1 &&
             is_plain) { /* smaller, and as large as before, in place */
    const long less = 1 + (long)(a % (unsigned)(pages - 1));
    if (mremap(at, (size_t)pages * kPage, (size_t)less * kPage, 0) != at) _exit(3);
    if (mremap(at, (size_t)less * kPage, (size_t)pages * kPage, 0) == MAP_FAILED) slots[i].pages = less;
  } else if (what == 8 && !is_shared) { /* PROT_NONE with what is in it, or read only */
    const long part = (long)(a % (unsigned)(pages + 1));
    mprotect(at, (size_t)pages * kPage, PROT_READ | PROT_WRITE);
    if (part > 0) mprotect(at, (size_t)part * kPage, b % 2 ? PROT_NONE : PROT_READ);
    slots[i].writable = part;
  } else if (what == 9) {
    const long from = (long)(a % (unsigned)pages);
    madvise(at + from * kPage, (size_t)(b % 3 ? pages - from : 1) * kPage, MADV_DONTNEED);
  } else if (what == 10 && is_plain) { /* another at the same place */
    munmap(at, (size_t)pages * kPage);
    if (mmap(at, (size_t)pages * kPage, PROT_READ | PROT_WRITE, slots[i].flags | MAP_FIXED, -1, 0) != at) _exit(4);
    slots[i].writable = 0;
    if (b % 2) scribble(at, pages);
  } else if (what == 11 && slots[i].writable == 0 && pages > 2 && !is_shared) { /* moved over its own neighbour */
    if (mremap(at + kPage, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at) != at) _exit(5);
    unmap(i);
    munmap(at, (size_t)pages * kPage);
  } else if (slots[i].writable < pages) {
    scribble(at + slots[i].writable * kPage, pages - slots[i].writable);
  }
}

int main(int argc, char** argv) {
  if (argc > 1) file = open(argv[1], O_RDONLY);
  const int limit = 1 << 30;
  first_break = sbrk(0);
  for (;;) obey(ps_choose(limit));
}
