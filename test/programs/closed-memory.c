// Writes to shared memory step after step, and lets itself read, write or neither in between; getppid says that a step
// is over. Its argument says what memory that is, and which way it is written.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kSize = 1 << 16 };

// Where it is, and where it is written; the descriptor is on the same memory.
char* volatile place;
static char* other;
static int file = -1;
static const char* how;

static int is(const char* name) {
  return strcmp(how, name) == 0;
}
static void* check(void* mapped) {
  if (mapped == MAP_FAILED) abort();
  return mapped;
}
static char* map(int protection, int fd) {
  return check(mmap(NULL, kSize, protection, fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0));
}
static int read_only(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  return open(path, O_RDONLY);
}

static void prepare(void) {
  if (is("anonymous")) {
    other = place = map(PROT_READ | PROT_WRITE, -1);
    return;
  }
  if (is("attached")) {
    const int id = shmget(IPC_PRIVATE, kSize, IPC_CREAT | 0600);
    place = check(shmat(id, NULL, SHM_RDONLY));
    other = check(shmat(id, NULL, 0));
    shmctl(id, IPC_RMID, NULL);
    return;
  }
  file = memfd_create("memory", MFD_ALLOW_SEALING);
  if (ftruncate(file, kSize) != 0) abort();
  const int reading = read_only();
  place = map(PROT_READ, is("protected") ? file : reading);
  other = is("twice") ? map(PROT_READ | PROT_WRITE, file) : place;
  close(reading);
}

static void put(char value) {
  if (other == place && (is("anonymous") || is("protected"))) {
    mprotect(place, kSize, PROT_READ | PROT_WRITE);
  }
  if (is("by descriptor") || is("sealed")) {
    if (pwrite(file, &value, 1, 4096) != 1) abort();
  } else {
    other[4096] = value;
  }
}

int main(int argc, char** argv) {
  static const int kProtections[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE};
  how = argc > 1 ? argv[1] : "";
  prepare();
  for (int i = 0; i < 5; i++) {
    put((char)i);
    if (is("anonymous") || is("protected")) mprotect(place, kSize, kProtections[i]);
    if (is("sealed") && i == 1) fcntl(file, F_ADD_SEALS, F_SEAL_WRITE);
    syscall(SYS_getppid);
    if (is("sealed") && i == 1) break;
  }
  return 0;
}
