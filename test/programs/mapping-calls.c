// Makes one system call about its memory, or does not, and says later which it was: what it finds must be what it did,
// whatever other paths did in between. It ends with 9 where the system does not have the call.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pagestore.h"

#define PAGE 4096
#define ROOM (8 * PAGE)

static char *block, *other;
static int zeroes, segment;

static char* map(size_t length, int protection, int flags) {
  return mmap(NULL, length, protection, flags | MAP_ANONYMOUS, -1, 0);
}
static int is_mapped(const char* page) {
  return msync((void*)page, PAGE, MS_ASYNC) == 0;
}
static int is_writable(char* page) {
  return pread(zeroes, page + 7, 1, 0) == 1;
}

static void private_block(void) {
  block = map(ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  memset(block, 1, ROOM);
}
static void shared_block(void) {
  block = map(ROOM, PROT_READ | PROT_WRITE, MAP_SHARED);
  memset(block, 1, ROOM);
}

static long protect(void) {
  return mprotect(block + PAGE, PAGE, PROT_READ);
}
static int is_protected(void) {
  return !is_writable(block + PAGE);
}

static long key_protect(void) {
  return syscall(SYS_pkey_mprotect, block + PAGE, PAGE, PROT_READ, -1);
}
static long with_key(void) {
  const long key = syscall(SYS_pkey_alloc, 0, 2);
  return key < 0 ? key : syscall(SYS_pkey_mprotect, block + PAGE, PAGE, PROT_READ | PROT_WRITE, key);
}

static long unmap(void) {
  return munmap(block + PAGE, PAGE);
}
static int is_unmapped(void) {
  return !is_mapped(block + PAGE);
}

static long shrink(void) {
  return mremap(block, ROOM, PAGE, 0) == MAP_FAILED ? -1 : 0;
}
static long move(void) {
  return mremap(block, ROOM, ROOM, MREMAP_MAYMOVE | MREMAP_FIXED, other) == MAP_FAILED ? -1 : 0;
}
static void prepare_move(void) {
  private_block();
  other = map(ROOM, PROT_NONE, MAP_PRIVATE);
}
static int is_moved(void) {
  return !is_mapped(block) && other[PAGE] == 1;
}

static long replace(void) {
  return mmap(block, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -1
                                                                                                                 : 0;
}
static long drop(void) {
  return madvise(block, PAGE, MADV_DONTNEED);
}
static int is_dropped(void) {
  return block[0] == 0 && block[PAGE] == 1;
}

static long guard(void) {
  return madvise(block, PAGE, 102);
}
static int is_guarded(void) {
  return !is_writable(block);
}
static void guarded_block(void) {
  private_block();
  madvise(block, PAGE, 102);
}
static void file_block(void) {
  const int file = (int)syscall(SYS_memfd_create, "block", 0);
  if (ftruncate(file, ROOM) != 0) exit(8);
  block = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  close(file);
  memset(block, 1, ROOM);
}
static long grow(void) {
  char* const grown = mremap(block, ROOM, 2 * ROOM, MREMAP_MAYMOVE);
  if (grown == MAP_FAILED) return -1;
  other = grown;
  return 0;
}
static int is_grown_with_guards(void) {
  return other != NULL && other[PAGE] == 1 && !is_writable(other);
}
static long unguard(void) {
  return madvise(block, PAGE, 103);
}
static int is_unguarded(void) {
  return is_writable(block);
}

static long advise(void) {
  static const int all[] = {MADV_FREE, MADV_DONTFORK, MADV_DONTDUMP, MADV_WIPEONFORK, MADV_MERGEABLE, MADV_NOHUGEPAGE};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) madvise(block + i * PAGE, PAGE, all[i]);
  return 0;
}
static int is_advised(void) {
  return -1;
}
static long name(void) {
  prctl(0x53564d41, 0, block, PAGE, "named");
  return 0;
}
static long lock(void) {
  return mlock(block, PAGE);
}
static long set_policy(void) {
  syscall(SYS_set_mempolicy, 1, NULL, 0);
  return 0;
}

static long grow_break(void) {
  return sbrk(10 * PAGE) == (void*)-1 ? -1 : 0;
}
static void prepare_break(void) {
  block = sbrk(0);
}
static int is_grown(void) {
  return (char*)sbrk(0) > block;
}

static void prepare_segment(void) {
  segment = shmget(IPC_PRIVATE, ROOM, IPC_CREAT | 0600);
  block = shmat(segment, NULL, 0);
  shmctl(segment, IPC_RMID, NULL);
  memset(block, 1, ROOM);
}
static long let_go(void) {
  return shmdt(block);
}
static int is_gone(void) {
  return !is_mapped(block);
}

static long rearrange(void) {
  block[5 * PAGE] = 9;
  return remap_file_pages(block, PAGE, 0, 5, 0);
}
static int is_rearranged(void) {
  return block[0] == 9;
}

// The same memory in two places.
static void twice(void) {
  shared_block();
  other = mremap(block, 0, ROOM, MREMAP_MAYMOVE);
}
static long forget_one(void) {
  return munmap(other, ROOM);
}
static int is_one(void) {
  if (!is_mapped(other)) return 1;
  block[0] = 5;
  return other[0] != 5;
}

static long watch(void) {
  return syscall(SYS_userfaultfd, O_CLOEXEC | 1) < 0 ? -1 : 0;
}
static long seal(void) {
  return syscall(462, block, PAGE, 0);
}
static int is_sealed(void) {
  return mprotect(block, PAGE, PROT_READ | PROT_WRITE) != 0;
}
static long droppable(void) {
  other = map(PAGE, PROT_READ | PROT_WRITE, 8);
  return other == MAP_FAILED ? -1 : 0;
}
static int has_other(void) {
  return other != NULL && is_mapped(other);
}
static long huge(void) {
  other = map(2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_HUGETLB);
  if (other == MAP_FAILED) return -1;
  other[5] = 1;
  return 0;
}
static void prepare_nothing(void) {}

static const struct {
  const char* name;
  void (*prepare)(void);
  long (*act)(void);
  int (*has_acted)(void);  // -1 where nothing shows it
} all[] = {
    {"mprotect", private_block, protect, is_protected},
    {"pkey_mprotect without a key", private_block, key_protect, is_protected},
    {"pkey_mprotect", private_block, with_key, is_advised},
    {"munmap", private_block, unmap, is_unmapped},
    {"munmap of shared memory", shared_block, unmap, is_unmapped},
    {"mremap to less", private_block, shrink, is_unmapped},
    {"mremap to elsewhere", prepare_move, move, is_moved},
    {"mmap over what is there", private_block, replace, is_dropped},
    {"MADV_DONTNEED", private_block, drop, is_dropped},
    {"MADV_GUARD_INSTALL", private_block, guard, is_guarded},
    {"MADV_GUARD_INSTALL in a file", file_block, guard, is_guarded},
    {"MADV_GUARD_REMOVE", guarded_block, unguard, is_unguarded},
    {"mremap of guards to more", guarded_block, grow, is_grown_with_guards},
    {"other advice", private_block, advise, is_advised},
    {"PR_SET_VMA", private_block, name, is_advised},
    {"mlock", private_block, lock, is_advised},
    {"set_mempolicy", private_block, set_policy, is_advised},
    {"brk", prepare_break, grow_break, is_grown},
    {"shmdt", prepare_segment, let_go, is_gone},
    {"remap_file_pages", shared_block, rearrange, is_rearranged},
    {"munmap of one of two places", twice, forget_one, is_one},
    {"userfaultfd", private_block, watch, is_advised},
    {"mseal", private_block, seal, is_sealed},
    {"MAP_DROPPABLE", prepare_nothing, droppable, has_other},
    {"MAP_HUGETLB", prepare_nothing, huge, has_other},
};

int main(int count, char** arguments) {
  (void)count;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (strcmp(all[i].name, arguments[1]) != 0) continue;
    zeroes = open("/dev/zero", O_RDONLY);
    all[i].prepare();
    const int acts = ps_choose(2);
    if (acts == 1 && all[i].act() != 0) return 9;
    ps_choose(2);
    const int found = all[i].has_acted();
    ps_assert(found < 0 || found == acts, "it finds what it did");
    return found < 0 ? 0 : 1 + found;
  }
  return 8;
}
