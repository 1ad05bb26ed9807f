/* The value is in shared memory of System V that is attached to be read alone, and once more while it is written. */
#include <sys/ipc.h>
#include <sys/shm.h>

#include "main.h"

static int id;
static const volatile int* value;

static void prepare(void) {
  id = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600);
  value = shmat(id, 0, SHM_RDONLY);
  if (value == (void*)-1) abort();
  shmctl(id, IPC_RMID, 0); /* it goes when nobody has it attached */
}
static int get(void) {
  return value[5000];
}
static void set(int wanted) {
  int* there = shmat(id, 0, 0);
  if (there == (void*)-1) abort();
  there[5000] = wanted;
  shmdt(there);
}
