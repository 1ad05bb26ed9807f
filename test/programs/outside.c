/* Comes to a choice, and does on one of two paths what its first argument says. */
#define _GNU_SOURCE
#include "pagestore.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static volatile int seen;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *what, *path;

static void on(int signal) {
  (void)signal, seen++;
}
static void other(int signal) {
  (void)signal, seen += 10;
}
static void again(int signal) {
  struct sigaction act = {.sa_handler = again, .sa_flags = SA_RESETHAND};
  sigaction(signal, &act, NULL), seen++;
}

static int is(const char* name) {
  return strcmp(what, name) == 0;
}

static void block(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, NULL);
}

static int by_value(const void* a, const void* b) {
  return *(const int*)a - *(const int*)b;
}

static int ignored;
#define IGNORE(call) (ignored += (int)(long)(call))

/* Before the first choice. */
static int prepare(void) {
  const struct itimerval later = {{0, 0}, {1000, 0}}, never = {{0, 0}, {0, 0}};
  int fds[2];
  if (is("timer at the start") || is("stopped timer at the start")) setitimer(ITIMER_PROF, &later, NULL);
  if (is("stopped timer at the start")) setitimer(ITIMER_PROF, &never, NULL);
  if (is("signal at the start")) block(SIGUSR2), raise(SIGUSR2);
  if (is("stack at the start") || is("stack that disarms itself at the start")) {
    static char other_stack[8192];
    stack_t here = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    if (!is("stack at the start")) here.ss_flags = (int)(1U << 31);  // SS_AUTODISARM
    sigaltstack(&here, NULL);
  }
  if (is("random device at the start")) IGNORE(open("/dev/urandom", O_RDONLY));
  if (is("watch at the start")) inotify_add_watch(inotify_init(), ".", IN_OPEN);
  if (is("mapped at the start")) {
    const int fd = open(path, O_RDWR | O_CREAT, 0600);
    IGNORE(ftruncate(fd, 4096));
    IGNORE(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  }
  if (is("handler reset") || is("handler set again")) {
    struct sigaction act = {.sa_handler = is("handler reset") ? on : again, .sa_flags = SA_RESETHAND};
    sigaction(SIGUSR1, &act, NULL);
  } else {
    signal(SIGUSR1, on);
  }
  if (is("pending")) block(SIGUSR1);
  if (is("nonblock")) return pipe(fds) == 0 ? fds[0] : -1;
  if (is("flock") || strncmp(what, "shared file", 11) == 0) return open(path, O_RDWR | O_CREAT, 0600);
  if (is("timerfd")) return timerfd_create(CLOCK_MONOTONIC, 0);
  if (is("epoll")) return epoll_create1(0);
  return -1;
}

/* What stays where the program is rolled back. */
static void reach_outside(int fd) {
  const struct itimerval later = {{0, 0}, {1000, 0}};
  const struct itimerspec afterwards = {{0, 0}, {1000, 0}};
  struct rlimit limit = {9, 9};
  static char stack[1 << 16];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  const unsigned long processors = 1;
  struct statfs room;
  timer_t timer;
  if (is("handler")) signal(SIGUSR1, other);
  if (is("ignored")) signal(SIGUSR2, SIG_IGN);
  if (is("stack")) sigaltstack(&alternate, NULL);
  if (is("pending") || is("handler reset")) raise(SIGUSR1);
  if (is("itimer")) setitimer(ITIMER_VIRTUAL, &later, NULL);
  if (is("timer")) timer_create(CLOCK_MONOTONIC, NULL, &timer);
  if (is("timerfd")) timerfd_settime(fd, 0, &afterwards, NULL);
  if (is("umask")) umask(077);
  if (is("chdir")) IGNORE(chdir("/"));
  if (is("limit")) setrlimit(RLIMIT_NOFILE, &limit);
  if (is("name")) prctl(PR_SET_NAME, "after");
  if (is("priority")) setpriority(PRIO_PROCESS, 0, 5);
  if (is("affinity")) syscall(SYS_sched_setaffinity, 0, sizeof processors, &processors);
  if (is("robust list")) syscall(SYS_set_robust_list, stack, 24);
  if (is("locked memory")) mlock(stack, 4096);
  if (is("existing pages")) syscall(SYS_mincore, 0, 4096, stack);
  if (is("directory")) mkdir(path, 0700);
  if (is("new file")) IGNORE(open(path, O_CREAT | O_WRONLY, 0600));
  if (is("rename")) rename(path, path);
  if (is("mode")) chmod(path, 0700);
  if (is("flock")) flock(fd, LOCK_EX);
  if (is("nonblock")) fcntl(fd, F_SETFL, O_NONBLOCK);
  if (is("epoll")) epoll_ctl(fd, EPOLL_CTL_DEL, 0, NULL);
  if (is("socket")) IGNORE(bind(socket(AF_UNIX, SOCK_STREAM, 0), NULL, 0));
  if (is("semaphore")) IGNORE(semget(IPC_PRIVATE, 1, 0) < 0 ? 0 : semctl(0, 0, IPC_RMID));
  if (is("queue")) IGNORE(msgsnd(-1, stack, 1, IPC_NOWAIT));
  if (is("posix queue")) mq_unlink("/pagestore-there-is-none");
  if (is("random")) IGNORE(syscall(SYS_getrandom, stack, 16, 0));
  if (is("random device")) IGNORE(open("/dev/urandom", O_RDONLY));
  if (is("room")) statfs("/", &room);
  if (is("cached pages")) syscall(451, -1, NULL, NULL, 0);
  if (is("used memory")) IGNORE(open("/proc/self/statm", O_RDONLY));
  if (is("opened to write")) close(open(__FILE__, O_WRONLY | O_APPEND));
  if (is("splice")) IGNORE(splice(-1, NULL, -1, NULL, 1, 0));
  if (is("error of a socket")) getsockopt(-1, SOL_SOCKET, SO_ERROR, stack, &(socklen_t){4});
  if (is("somebody else")) kill(getppid(), SIGCONT);
  if (is("shared file")) IGNORE(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  if (is("shared file, checked")) {
    IGNORE(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE, fd, 0) == MAP_FAILED);
  }
  if (is("shared file later")) {
    void* mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    mprotect(mapped, 4096, PROT_READ | PROT_WRITE);
  }
  if (is("unknown call")) syscall(1000);
}

/* What rolls back, or changes nothing. */
static void stay_inside(void) {
  if (is("memory")) {
    char* mapped = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(mapped, 4096, PROT_READ | PROT_WRITE);
    mapped[0] = 1;
    madvise(mapped, 4096, MADV_DONTNEED);
    munmap(mapped, 1 << 20);
    IGNORE(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    free(malloc(1 << 24));
  }
  if (is("reading")) {
    struct stat status;
    struct rlimit limit;
    char name[64];
    getpid(), getppid(), getuid();
    stat("/", &status), IGNORE(access("/", R_OK)), IGNORE(readlink("/proc/self/exe", name, sizeof name));
    getrlimit(RLIMIT_NOFILE, &limit), prctl(PR_GET_NAME, name), fcntl(1, F_GETFL), ioctl(1, FIONREAD, &ignored);
    IGNORE(getcwd(name, sizeof name) == NULL);
    sigaltstack(NULL, &(stack_t){0}), sigaction(SIGUSR1, NULL, NULL), setitimer(ITIMER_REAL, NULL, NULL);
  }
  if (is("waiting")) {
    const struct timespec moment = {0, 1000};
    nanosleep(&moment, NULL), sched_yield(), poll(NULL, 0, 1);
  }
  if (is("locks")) pthread_mutex_lock(&mutex), pthread_mutex_unlock(&mutex), syscall(SYS_futex, &seen, 129, 1);
  if (is("output")) puts("x"), fflush(stdout), fputs("y", stderr);
  if (is("signal to itself")) raise(SIGUSR1), kill(getpid(), SIGUSR1), kill(getpid(), 0);
  if (is("handler set again")) raise(SIGUSR1), raise(SIGUSR1);
  if (is("mask")) block(SIGUSR2);
  if (is("handler put back")) signal(SIGUSR1, other), raise(SIGUSR1), signal(SIGUSR1, on);
  if (is("what the system has")) {
    struct sysinfo first, second;
    struct rusage used;
    sysinfo(&first), usleep(20000), free(malloc(1 << 20)), sysinfo(&second), getrusage(RUSAGE_SELF, &used);
    first.uptime = second.uptime;
    if (memcmp(&first, &second, sizeof first) != 0) abort();
    static int numbers[2000];
    qsort(numbers, 2000, sizeof *numbers, by_value);
  }
  if (is("cut by its path")) IGNORE(truncate(path, 0));
  if (is("same handler")) signal(SIGUSR1, on), signal(SIGUSR2, SIG_DFL);
}

int main(int argc, char** argv) {
  what = argc > 1 ? argv[1] : "", path = argc > 2 ? argv[2] : "";
  const int fd = prepare();
  for (int i = 0; i < 2; i++) {
    if (ps_choose(2) == 0) continue;
    reach_outside(fd);
    stay_inside();
  }
  return 0;
}
