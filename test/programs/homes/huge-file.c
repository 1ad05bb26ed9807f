/* The value is in a file on a file system of huge pages (hugetlbfs), which is mounted nowhere. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lacks.h"
#include "main.h"

enum { kSize = 2 << 20, kFsOpen = 430, kFsConfig = 431, kFsMount = 432, kCreate = 6 };

static volatile int* value;

static void prepare(void) {
  int system = (int)syscall(kFsOpen, "hugetlbfs", 0);
  if (system < 0 || syscall(kFsConfig, system, kCreate, NULL, NULL, 0) != 0) lacks("hugetlbfs that we may mount");
  int folder = (int)syscall(kFsMount, system, 0, 0);
  int file = openat(folder, "value", O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, kSize) != 0) lacks("hugetlbfs that we may mount");
  value = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (value == MAP_FAILED) lacks("huge page of 2 MiB (vm.nr_overcommit_hugepages)");
#ifdef DECLARED
  ps_state((void*)value, 4096);
#endif
}
static int get(void) {
  return value[0];
}
static void set(int wanted) {
  value[0] = wanted;
}
