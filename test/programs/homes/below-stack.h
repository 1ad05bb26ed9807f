/* A value in a page right below the first stack. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "main.h"

static volatile int* value;

static void map_below_stack(int flags) {
  char line[256], *start = NULL;
  FILE* maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps) != NULL) {
    if (strstr(line, "[stack]") != NULL) start = (char*)strtoul(line, NULL, 16) - 4096;
  }
  fclose(maps);
  value = mmap(start, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, -1, 0);
}
static int get(void) {
  return *value;
}
static void set(int wanted) {
  *value = wanted;
}
