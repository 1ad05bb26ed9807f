/* The value is in shared memory of System V that may not be written, but for the moments in which it is. */
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "main.h"

static volatile int* value;

static void prepare(void) {
  int id = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600);
  value = shmat(id, 0, 0);
  if (value == (void*)-1) abort();
  shmctl(id, IPC_RMID, 0);
}
static int get(void) {
  return value[5000];
}
static void set(int wanted) {
  mprotect((void*)value, 65536, PROT_READ | PROT_WRITE);
  value[5000] = wanted;
  mprotect((void*)value, 65536, PROT_READ);
}
