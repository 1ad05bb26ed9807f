// Preloaded into Node: the n-th request of the addon that is of a wanted kind is refused, as a sandbox or a system
// short of something may refuse it, and no other. PAGESTORE_REFUSALS names a file of 32-bit numbers that is shared with
// the test: whether that goes on, n, how many requests there were, and the kinds: 1 ptrace, 2 files that are opened.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { goes_on, which, count, kinds };
static volatile int32_t* control;
static uintptr_t start, end;

__attribute__((constructor)) static void begin(void) {
  const char* path = getenv("PAGESTORE_REFUSALS");
  const int file = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR) : -1;
  if (file < 0) return;
  void* const shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (shared != MAP_FAILED) control = shared;
  close(file);
}

static int find_addon(struct dl_phdr_info* info, size_t size, void* unused) {
  (void)size, (void)unused;
  if (info->dlpi_name == NULL || strstr(info->dlpi_name, "pagestore.node") == NULL) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)* part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0) continue;
    start = info->dlpi_addr + part->p_vaddr;
    end = start + part->p_memsz;
  }
  return 0;
}

static int is_refused(const void* caller, int kind) {
  if (control == NULL || !control[goes_on] || (control[kinds] & kind) == 0) return 0;
  if (start == 0) dl_iterate_phdr(find_addon, NULL);
  if ((uintptr_t)caller < start || (uintptr_t)caller >= end) return 0;
  return __sync_add_and_fetch(&control[count], 1) == control[which];
}

long ptrace(enum __ptrace_request request, ...) {
  static long (*real)(int, pid_t, void*, void*);
  va_list rest;
  va_start(rest, request);
  const pid_t thread = va_arg(rest, pid_t);
  void* const address = va_arg(rest, void*);
  void* const data = va_arg(rest, void*);
  va_end(rest);
  if (is_refused(__builtin_return_address(0), 1)) {
    errno = EPERM;
    return -1;
  }
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "ptrace");
  return real(request, thread, address, data);
}

static int open_at(int folder, const char* path, int flags, int mode, const void* caller) {
  if (!is_refused(caller, 2)) return (int)syscall(SYS_openat, folder, path, flags, mode);
  errno = EMFILE;
  return -1;
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int mode = va_arg(rest, int);
  va_end(rest);
  return open_at(AT_FDCWD, path, flags, mode, __builtin_return_address(0));
}

int openat64(int folder, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int mode = va_arg(rest, int);
  va_end(rest);
  return open_at(folder, path, flags, mode, __builtin_return_address(0));
}
