/* Memory that a thread of the program itself serves, by a userfaultfd, or is told of writes to. First the kind of
 * memory (anonymous, file, shared, minor), then what is done. `serves`: it prints where it is and waits to be observed;
 * page 0 was asked for, and is full of nines. `watches`: the same, but it is told of writes, and the pages exist.
 * `steps`: as `serves`, with a choice before and after a private page is written. `gives-up`: as `steps`, but before
 * the choice it unregisters the memory. `registers`: at the first choice of a memory that nobody has registered it
 * registers it; the exit code says if it could. Exit code 77: the system does not let us. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pagestore.h"

enum { kPage = 4096, kPages = 16, kAll = kPage * kPages };

static int served;
static int is_minor;

static void* serve(void* unused) {
  char* page = aligned_alloc(kPage, kPage);
  (void)unused;
  memset(page, 9, kPage);
  for (;;) {
    struct pollfd ready = {served, POLLIN, 0};
    struct uffd_msg message;
    poll(&ready, 1, -1);
    if (read(served, &message, sizeof(message)) != sizeof(message)) continue;
    unsigned long at = message.arg.pagefault.address & ~(kPage - 1ul);
    if (is_minor) {
      struct uffdio_continue map = {{at, kPage}, 0, 0};
      ioctl(served, UFFDIO_CONTINUE, &map);
    } else {
      struct uffdio_copy copy = {at, (unsigned long)page, kPage, 0, 0};
      ioctl(served, UFFDIO_COPY, &copy);
    }
  }
  return NULL;
}

static void lack(const char* what) {
  perror(what);
  exit(77);
}

static void make(unsigned long long features) {
  served = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  if (served < 0) lack("userfaultfd");
  struct uffdio_api api = {UFFD_API, features, 0};
  if (ioctl(served, UFFDIO_API, &api) != 0) lack("UFFDIO_API");
}

static int register_memory(void* start, unsigned long long mode) {
  struct uffdio_register wanted = {{(unsigned long)start, kAll}, mode, 0};
  return ioctl(served, UFFDIO_REGISTER, &wanted);
}

static char* map(const char* kind) {
  const int access = PROT_READ | PROT_WRITE;
  if (strcmp(kind, "anonymous") == 0) return mmap(NULL, kAll, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int file = memfd_create("served", 0);
  if (ftruncate(file, kAll) != 0) exit(1);
  if (strcmp(kind, "minor") == 0) {
    char page[kPage];
    memset(page, 9, kPage);
    for (int i = 0; i < kPages / 2; i++)
      if (pwrite(file, page, kPage, (off_t)i * kPage) != kPage) exit(1);
  }
  return mmap(NULL, kAll, access, strcmp(kind, "file") == 0 ? MAP_PRIVATE : MAP_SHARED, file, 0);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const char* what = argv[2];
  char* at = map(argv[1]);
  pthread_t thread;
  if (strcmp(what, "registers") == 0) {
    memset(at, 1, kAll);
    if (ps_choose(2) == 1) return 0;
    make(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
    const int code = register_memory(at, UFFDIO_REGISTER_MODE_WP) == 0 ? 0 : 3;
    at[kPage] = 2;
    ps_choose(1);
    return code;
  }
  is_minor = strcmp(argv[1], "minor") == 0;
  const int watches = strcmp(what, "watches") == 0;
  make(watches ? UFFD_FEATURE_PAGEFAULT_FLAG_WP : is_minor ? UFFD_FEATURE_MINOR_SHMEM : UFFD_FEATURE_MISSING_SHMEM);
  if (watches) memset(at, 9, kAll);
  const unsigned long long mode = watches    ? UFFDIO_REGISTER_MODE_WP
                                  : is_minor ? UFFDIO_REGISTER_MODE_MINOR
                                             : UFFDIO_REGISTER_MODE_MISSING;
  if (register_memory(at, mode) != 0) lack("UFFDIO_REGISTER");
  if (watches) {
    struct uffdio_writeprotect protect = {{(unsigned long)at, kPage}, UFFDIO_WRITEPROTECT_MODE_WP};
    if (ioctl(served, UFFDIO_WRITEPROTECT, &protect) != 0) lack("UFFDIO_WRITEPROTECT");
  } else {
    pthread_create(&thread, NULL, serve, NULL);
  }
  printf("%p %d\n", (void*)at, at[0]);
  fflush(stdout);
  const int gives_up = strcmp(what, "gives-up") == 0;
  if (gives_up) {
    ps_choose(1);
    // The thread that waits keeps the open file.
    struct uffdio_range all = {(unsigned long)at, kAll};
    if (ioctl(served, UFFDIO_UNREGISTER, &all) != 0) return 5;
  }
  if (strcmp(what, "steps") == 0 || gives_up) {
    int way = ps_choose(2);
    if (way == 0)
      at[10] = 5;
    else
      at[kPage * 3] = 5;
    ps_choose(1);
    return at[10] == (way == 0 ? 5 : 9) ? 0 : 4;
  }
  pause();
  return 0;
}
