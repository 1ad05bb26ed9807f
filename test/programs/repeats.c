/* Makes the call that the first argument names as often as the second says, one after the other from the same place;
   each lasts a millisecond. With a third argument SIGUSR1 has a handler: with "restart" one after which the kernel
   makes calls again. With a fourth another thread does the same meanwhile. `made` counts the calls of both. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const char* const kinds[] = {"ppoll",    "epoll_pwait", "nanosleep",      "futex",
                                    "recvfrom", "read",        "rt_sigtimedwait"};

atomic_int made, handled;
static atomic_int finished;
static int kind, count;

static void on_signal(int signal) {
  (void)signal;
  ++handled;
}

static void* repeat(void* unused) {
  int ends[2], queue = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0), word = 0;
  struct timeval limit = {0, 1000};
  struct itimerspec ticks = {{0, 1000000}, {0, 1000000}};
  struct epoll_event event;
  sigset_t usr2;
  char bytes[8];
  sigemptyset(&usr2);
  sigaddset(&usr2, SIGUSR2);
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  timerfd_settime(timer, 0, &ticks, NULL);
  syscall(SYS_getppid);
  for (int i = 0; i < count; ++i) {
    struct timespec time = {0, 1000000};
    const long arguments[][7] = {
        {SYS_ppoll, 0, 0, (long)&time, 0, 8},
        {SYS_epoll_pwait, queue, (long)&event, 1, 1, 0, 8},
        {SYS_nanosleep, (long)&time},
        {SYS_futex, (long)&word, FUTEX_WAIT, 0, (long)&time},
        {SYS_recvfrom, ends[0], (long)bytes, 1},
        {SYS_read, timer, (long)bytes, 8},
        {SYS_rt_sigtimedwait, (long)&usr2, 0, (long)&time, 8},
    };
    const long* a = arguments[kind];
    ++made;
    syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
  }
  ++finished;
  return unused;
}

int main(int argc, char** argv) {
  pthread_t other;
  while (strcmp(kinds[kind], argv[1]) != 0) ++kind;
  count = atoi(argv[2]);
  if (argc > 3) {
    struct sigaction action = {0};
    action.sa_handler = on_signal;
    action.sa_flags = strcmp(argv[3], "restart") == 0 ? SA_RESTART : 0;
    sigaction(SIGUSR1, &action, NULL);
  }
  if (argc > 4) pthread_create(&other, NULL, repeat, NULL);
  repeat(NULL);
  syscall(SYS_getpid);
  /* The other thread is waited for in no call of these kinds. */
  while (argc > 4 && finished < 2) sched_yield();
  return 0;
}
