/* What the benchmark of rollbacks runs: each step writes to five pages, four of an array and one of the stack, beside
 * as much memory as one likes. Its state is where it is in a tree of choices, and is declared if it is told so. Under
 * check it asks before each step; told a number, it takes that many steps in children of its own, one fork() a state,
 * and prints the nanoseconds for each. */
#include <sys/wait.h>

#include "pagestore.h"

#define PAGE 4096

static char pages[64 * PAGE] __attribute__((aligned(PAGE)));

static unsigned position;

static void step(int alternative) {
  position = position * 2 + (unsigned)alternative + 1;
  volatile char local[64];
  local[0] = (char)alternative;
  for (int i = 0; i < 4; i++) pages[i * 16 * PAGE + 8] += (char)(local[0] + 1);
}

int main(int argc, char** argv) {
  const size_t bytes = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
  const int forks = argc > 2 ? atoi(argv[2]) : 0;
  if (argc > 3) ps_state(&position, sizeof position);
  char* ballast = malloc(bytes + 1);
  for (size_t i = 0; i < bytes; i += PAGE) memcpy(ballast + i, &i, sizeof i);
  memset(pages, 1, sizeof pages);
  if (forks == 0) {
    for (;;) step(ps_choose(2));
  }
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int i = 0; i < forks; i++) {
    const pid_t child = fork();
    if (child == 0) {
      step(i % 2);
      _exit(0);
    }
    waitpid(child, NULL, 0);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.1f\n", ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / forks);
  free(ballast);
  return 0;
}
