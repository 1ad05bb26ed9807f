// Changes its mappings as told, in every way that makes the kernel split or merge them. Its state is in memory alone.
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagestore.h"

#define PAGE 4096
#define EDGE(address) ((char*)(((uintptr_t)(address) + PAGE - 1) & ~(uintptr_t)(PAGE - 1)))

static int large[40000];  // zeroed, and next to the heap where addresses are not random
static int steps, level;
static char *block, *stack;
static int (*act)(int way);

static char* map(char* at, size_t length, int flags) {
  return mmap(at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

// Each of them says what `level` is afterwards.
static int brk_pages(int way) {
  const int wanted = way == 1 ? level + 1 : way == 2 && level > 0 ? level - 1 : level;
  sbrk((wanted - level) * 5 * PAGE);
  if (wanted > level) memset((char*)sbrk(0) - PAGE, 1, PAGE);
  return wanted;
}

static int brk_bytes(int way) {
  const int wanted = way == 1 ? 1 : way == 2 ? 0 : level;
  sbrk((wanted - level) * 16);
  return wanted;
}

static int heap(int way) {
  if (way == 1 && block == NULL) block = memset(malloc(120000), 1, 120000);
  if (way == 2 && block != NULL) {
    free(block);
    block = NULL;
    malloc_trim(0);
  }
  return block != NULL;
}

static int above_heap(int way) {
  char* top = EDGE(sbrk(0));
  if (way == 0) return level;
  if (way == 1) map(top, 2 * PAGE, MAP_FIXED)[PAGE] = 1;
  if (way == 2) munmap(top, 2 * PAGE);
  return way == 1;
}

static int within(int way) {
  char* page = EDGE(large + 4000);
  if (way > 0) mprotect(page, PAGE, way == 1 ? PROT_READ : PROT_READ | PROT_WRITE);
  return way > 0 ? way == 1 : level;
}

static int neighbours(int way) {
  if (block == NULL) block = map(NULL, 16 * PAGE, 0);
  if (way == 1) map(block + 4 * PAGE, 4 * PAGE, MAP_FIXED), memset(block + 4 * PAGE, 7, PAGE);
  if (way == 2) munmap(block + 4 * PAGE, 4 * PAGE);
  return way == 0 ? level : way;
}

static int remapped(int way) {
  if (block == NULL) block = map(NULL, 64 * PAGE, 0), munmap(block + 2 * PAGE, 62 * PAGE);
  if (way == 1 && level == 0) mremap(block, 2 * PAGE, 9 * PAGE, 0), block[8 * PAGE] = 1;
  if (way == 2 && level == 1) mremap(block, 9 * PAGE, 2 * PAGE, 0);
  return way == 0 ? level : way == 1;
}

static int passing(int way) {
  if (way > 0) munmap(memset(map(NULL, way * 2 * PAGE, 0), way, PAGE), way * 2 * PAGE);
  return 0;
}

// A mapping that grows down, by as many pages as the level says.
static int growing(int way) {
  const size_t room = 64 << 20;
  if (block == NULL) block = map(NULL, room, 0), munmap(block, room), block += room / 2;
  if (way == 2) munmap(block - 8 * PAGE, 9 * PAGE);
  if (way != 1) return way == 0 ? level : 0;
  if (level == 0) map(block, PAGE, MAP_FIXED | MAP_GROWSDOWN);
  block[-level * PAGE] = 1;
  return level + 1;
}

static char* find_stack(void) {
  char line[256], *start = NULL;
  FILE* maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps) != NULL) {
    if (strstr(line, "[stack]") != NULL) start = (char*)strtoul(line, NULL, 16);
  }
  fclose(maps);
  return start;
}

static int below_stack(int way) {
  if (way == 1) map(stack - PAGE, PAGE, MAP_FIXED)[9] = 1;
  if (way == 2) munmap(stack - PAGE, PAGE);
  return way == 0 ? level : way == 1;
}

// The kernel has three mappings for the stack while a page of it is locked.
static int locked_stack(int way) {
  if (way == 1) mlock(stack + 2 * PAGE, PAGE);
  if (way == 2) munlock(stack + 2 * PAGE, PAGE);
  return way == 0 ? level : way == 1;
}

// What a step leaves in registers and below the stack pointer is the same each time.
static __attribute__((noinline)) void step(int way) {
  level = act(way);
  ps_assert(level >= 0, "no mapping failed");
}

int main(int count, char** arguments) {
  static const struct {
    const char* name;
    int (*act)(int);
  } all[] = {{"brk-pages", brk_pages},
             {"brk-bytes", brk_bytes},
             {"heap", heap},
             {"above-heap", above_heap},
             {"within", within},
             {"neighbours", neighbours},
             {"remapped", remapped},
             {"passing", passing},
             {"growing", growing},
             {"below-stack", below_stack},
             {"locked-stack", locked_stack}};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
    if (count > 1 && strcmp(all[i].name, arguments[1]) == 0) act = all[i].act;
  }
  large[39999] = 1;
  block = malloc(100000);
  free(block);
  block = NULL;
  sbrk(0);
  stack = find_stack();
  for (steps = 0; steps < 4; ++steps) step(ps_choose(3));
  return 0;
}
