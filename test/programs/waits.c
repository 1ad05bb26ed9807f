/* Waits once in the call that the first argument names, with a limit of as many milliseconds as the second says.
   The exit code is 0 if the call ended because its time was over, and not before; 1 if it ended otherwise; 2 if too
   early; 3 if there is no such call here. With a third argument SIGUSR1 has a handler, and the exit code is 4 if the
   call was interrupted by it. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int milliseconds;
static struct timespec time_limit;
static const struct timespec fixed = {0, 300000000}; /* in memory that cannot be written */
static volatile sig_atomic_t handled;

static void on_signal(int signal) {
  (void)signal;
  handled = 1;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void limit_socket(int socket) {
  struct timeval limit = {milliseconds / 1000, milliseconds % 1000 * 1000};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* A listening socket whose queue is full, and one that connects to it in vain. */
static int full_listener(struct sockaddr_in* address) {
  socklen_t length = sizeof *address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  memset(address, 0, sizeof *address);
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(listener, (struct sockaddr*)address, sizeof *address);
  listen(listener, 0);
  getsockname(listener, (struct sockaddr*)address, &length);
  for (int i = 0; i < 3; ++i) {
    int other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(other, (struct sockaddr*)address, sizeof *address);
  }
  return socket(AF_INET, SOCK_STREAM, 0);
}

volatile int waits; /* from here on it makes no call but the one that waits */
static double began;
#define WAIT(call, ended) (began = now(), errno = 0, waits = 1, result = (call), waits = 0, result == (ended))

int main(int argc, char** argv) {
  const char* what = argv[1];
  milliseconds = atoi(argv[2]);
  time_limit = (struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000};
  if (argc > 3) {
    struct sigaction action = {0};
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);
  }
  int ends[2], is_over = 0, expected = 0;
  long result = -1;
  char byte;
  sigset_t none, usr2;
  sigemptyset(&none);
  sigemptyset(&usr2);
  sigaddset(&usr2, SIGUSR2);
  struct epoll_event event;
  struct timespec limit = time_limit;
#define IS(name) else if (strcmp(what, name) == 0)
  if (0) {
  }
  IS("nanosleep") is_over = WAIT(nanosleep(&limit, NULL), 0);
  IS("clock_nanosleep") is_over = WAIT(clock_nanosleep(CLOCK_REALTIME, 0, &limit, NULL), 0);
  IS("poll") is_over = WAIT(poll(NULL, 0, milliseconds), 0);
  IS("ppoll") is_over = WAIT(syscall(SYS_ppoll, NULL, 0, &limit, NULL, 8), 0);
  IS("ppoll-fixed") is_over = WAIT(syscall(SYS_ppoll, NULL, 0, &fixed, NULL, 8), 0);
  IS("pselect") is_over = WAIT(pselect(0, NULL, NULL, NULL, &limit, &none), 0);
  IS("epoll_wait") {
    int e = epoll_create1(0);
    is_over = WAIT(epoll_wait(e, &event, 1, milliseconds), 0);
  }
  IS("epoll_pwait") {
    int e = epoll_create1(0);
    is_over = WAIT(epoll_pwait(e, &event, 1, milliseconds, &usr2), 0);
  }
  IS("epoll_pwait2") {
    int e = epoll_create1(0);
    is_over = WAIT(syscall(441, e, &event, 1, &limit, NULL, 8), 0);
  }
  IS("sigtimedwait") {
    sigprocmask(SIG_BLOCK, &usr2, NULL);
    is_over = WAIT(sigtimedwait(&usr2, NULL, &limit), -1);
    expected = EAGAIN;
  }
  IS("semtimedop") {
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf one = {0, -1, 0};
    is_over = WAIT(semtimedop(id, &one, 1, &limit), -1);
    int error = errno;
    semctl(id, 0, IPC_RMID);
    errno = error;
    expected = EAGAIN;
  }
  IS("recv") {
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    limit_socket(ends[0]);
    is_over = WAIT(recv(ends[0], &byte, 1, 0), -1);
    expected = EAGAIN;
  }
  IS("read") {
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    limit_socket(ends[0]);
    is_over = WAIT(read(ends[0], &byte, 1), -1);
    expected = EAGAIN;
  }
  IS("send") {
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    static char much[1 << 16];
    while (send(ends[0], much, sizeof much, MSG_DONTWAIT) > 0) continue;
    while (send(ends[0], much, 1, MSG_DONTWAIT) > 0) continue;
    limit_socket(ends[0]);
    is_over = WAIT(send(ends[0], &byte, 1, 0), -1);
    expected = EAGAIN;
  }
  IS("accept") {
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bind(listener, (struct sockaddr*)&address, sizeof(sa_family_t));
    listen(listener, 1);
    limit_socket(listener);
    is_over = WAIT(accept(listener, NULL, NULL), -1);
    expected = EAGAIN;
  }
  IS("connect") {
    struct sockaddr_in address;
    int one = full_listener(&address);
    limit_socket(one);
    is_over = WAIT(connect(one, (struct sockaddr*)&address, sizeof address), -1);
    expected = EINPROGRESS;
  }
  IS("futex") {
    int word = 0;
    is_over = WAIT(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &limit, NULL, 0), -1);
    expected = ETIMEDOUT;
  }
  IS("sem_timedwait") {
    sem_t semaphore;
    struct timespec until;
    sem_init(&semaphore, 0, 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += milliseconds * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    is_over = WAIT(sem_timedwait(&semaphore, &until), -1);
    expected = ETIMEDOUT;
  }
  IS("io_getevents") {
    aio_context_t context = 0;
    struct io_event done;
    if (syscall(SYS_io_setup, 4, &context) != 0) return 3;
    is_over = WAIT(syscall(SYS_io_getevents, context, 1, 1, &done, &limit), 0);
  }
  IS("io_uring_enter") {
    struct {
      unsigned words[30];
    } parameters = {0};
    struct {
      unsigned long long signals;
      unsigned size, least;
      unsigned long long time;
    } wait = {0, 0, 0, 0};
    int ring = (int)syscall(425, 4, &parameters);
    if (ring < 0) return 3;
    wait.time = (unsigned long long)&limit;
    is_over = WAIT(syscall(426, ring, 0, 1, 1 | 8, &wait, sizeof wait), -1);
    expected = ETIME;
  }
  IS("pause")(void) WAIT(pause(), 0);
  else return 3;
  const int error = result < 0 ? errno : 0;
  const double waited = now() - began;
  if (argc > 3 && handled && (error == EINTR || result == EINTR)) return 4;
  if (!is_over || error != expected) return 1;
  return waited < milliseconds ? 2 : 0;
}
