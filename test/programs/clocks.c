// Reads clocks and waits, in the ways that programs have; prints a name and what it saw on each line.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static const struct timespec second_and_half = {1, 500000000};

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void read_clocks(void) {
  for (int id = 0; id < 12; ++id) {
    struct timespec time = {0, 0};
    const int direct = (int)syscall(SYS_clock_gettime, id, &time);
    if (id != CLOCK_REALTIME_ALARM && id != CLOCK_BOOTTIME_ALARM) {
      printf("clock%d %d %lld.%09ld\n", id, direct, (long long)time.tv_sec, time.tv_nsec);
    }
  }
  struct timeval small;
  struct timezone zone = {1, 1};
  gettimeofday(&small, &zone);
  printf("gettimeofday %lld.%06ld %d\n", (long long)small.tv_sec, (long)small.tv_usec, zone.tz_minuteswest);
  printf("time %lld\n", (long long)time(NULL));
  struct timespec coarse;
  timespec_get(&coarse, TIME_UTC);
  printf("timespec_get %lld.%09ld\n", (long long)coarse.tv_sec, coarse.tv_nsec);
  printf("clock %ld\n", (long)clock());
  struct tms used;
  const clock_t ticks = times(&used);
  printf("times %ld %ld\n", (long)ticks, (long)used.tms_utime);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("getrusage %lld.%06ld %ld\n", (long long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec, usage.ru_minflt);
  struct sysinfo system;
  sysinfo(&system);
  printf("sysinfo %ld\n", system.uptime);
  clockid_t own;
  struct timespec mine;
  pthread_getcpuclockid(pthread_self(), &own);
  clock_gettime(own, &mine);
  printf("own %lld.%09ld\n", (long long)mine.tv_sec, mine.tv_nsec);
#if defined(__x86_64__)
  unsigned processor = 7;
  const unsigned long long counter = __rdtsc(), long_counter = __rdtscp(&processor);
  printf("counter %llu %llu %u\n", counter, long_counter, processor);
#endif
}

// Each wait once, with how it ended and how much time passed.
static void report(const char* name, long long result, long long before) {
  printf("%s %lld %lld\n", name, result, now() - before);
}
#define WAIT(name, call)                                \
  do {                                                  \
    const long long before = now();                     \
    const long long result = call;                      \
    report(name, result < 0 ? -errno : result, before); \
  } while (0)

static struct timespec deadline(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  time.tv_sec += 3;
  return time;
}

static void wait_in_vain(void) {
  int ends[2];
  if (pipe(ends) != 0) exit(1);
  struct pollfd polled = {ends[0], POLLIN, 0};
  fd_set set;
  FD_ZERO(&set);
  FD_SET(ends[0], &set);
  struct timeval limit = {2, 250000};
  WAIT("poll", poll(&polled, 1, 1500));
  WAIT("ppoll", ppoll(&polled, 1, &second_and_half, NULL));
  WAIT("select", select(ends[0] + 1, &set, NULL, NULL, &limit));
  printf("rest %lld %ld\n", (long long)limit.tv_sec, (long)limit.tv_usec);
  FD_SET(ends[0], &set);
  WAIT("pselect", pselect(ends[0] + 1, &set, NULL, NULL, &second_and_half, NULL));
  const int epoll = epoll_create1(0);
  struct epoll_event event;
  WAIT("epoll_wait", epoll_wait(epoll, &event, 1, 700));
  WAIT("epoll_pwait2", syscall(441, epoll, &event, 1, &second_and_half, NULL, 8));
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  WAIT("sigtimedwait", sigtimedwait(&signals, NULL, &second_and_half));
  int word = 5;
  WAIT("futex", syscall(SYS_futex, &word, FUTEX_WAIT, 5, &second_and_half, NULL, 0));
  WAIT("futex-other", syscall(SYS_futex, &word, FUTEX_WAIT, 6, &second_and_half, NULL, 0));
  struct timespec until = deadline(CLOCK_MONOTONIC);
  WAIT("futex-bitset", syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, &until, NULL, 1));
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  pthread_mutex_lock(&mutex);
  until = deadline(CLOCK_REALTIME);
  WAIT("condition", pthread_cond_timedwait(&condition, &mutex, &until));
  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  until = deadline(CLOCK_REALTIME);
  WAIT("semaphore", sem_timedwait(&semaphore, &until));
  const int semaphores = semget(IPC_PRIVATE, 1, 0600);
  struct sembuf take = {0, -1, 0}, try = {0, -1, IPC_NOWAIT};
  WAIT("semtimedop", semtimedop(semaphores, &take, 1, &second_and_half));
  WAIT("semtimedop-try", semtimedop(semaphores, &try, 1, &second_and_half));
  semctl(semaphores, 0, IPC_RMID);
  struct mq_attr attributes = {0, 1, 8, 0, {0}};
  const mqd_t queue = mq_open("/pagestore-clocks", O_RDWR | O_CREAT, 0600, &attributes);
  mq_unlink("/pagestore-clocks");
  char message[8];
  until = deadline(CLOCK_REALTIME);
  WAIT("mq_timedreceive", mq_timedreceive(queue, message, sizeof message, NULL, &until));
  // What is there already takes no time.
  if (write(ends[1], "x", 1) != 1) exit(1);
  WAIT("poll-ready", poll(&polled, 1, 1500));
  WAIT("poll-at-once", poll(&polled, 1, 0));
}

static void sleep_long(void) {
  WAIT("sleep", sleep(100));
  WAIT("usleep", usleep(250000));
  const struct timespec year = {31536000, 7};
  struct timespec rest = {1, 1};
  WAIT("nanosleep", nanosleep(&year, &rest));
  printf("rest %lld %ld\n", (long long)rest.tv_sec, rest.tv_nsec);
  WAIT("thrd_sleep", thrd_sleep(&second_and_half, NULL));
  struct timespec until = deadline(CLOCK_MONOTONIC);
  WAIT("clock_nanosleep", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL));
  WAIT("clock_nanosleep-past", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL));
  WAIT("nothing", usleep(0));
  WAIT("poll", poll(NULL, 0, 2000));
}

// As the kernel answers, without a clock of ours, too.
static void refuse(void) {
  char* page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char* last = page + 4096 - 8;
  munmap(page + 4096, 4096);
  void* read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* hidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* const bad[] = {(void*)8, last, read_only, hidden, (void*)-1L, (void*)(1UL << 63)};
#define SHOW(name, ...)                                       \
  do {                                                        \
    const long result = syscall(__VA_ARGS__);                 \
    printf("%s %ld\n", name, result < 0 ? -(long)errno : 0L); \
  } while (0)
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    SHOW("clock_gettime", SYS_clock_gettime, 1, bad[i]);
    SHOW("gettimeofday", SYS_gettimeofday, bad[i], NULL);
    SHOW("gettimeofday", SYS_gettimeofday, NULL, bad[i]);
#if defined(SYS_time)
    SHOW("time", SYS_time, bad[i]);
#endif
    SHOW("times", SYS_times, bad[i]);
    SHOW("getrusage", SYS_getrusage, 0, bad[i]);
    SHOW("sysinfo", SYS_sysinfo, bad[i]);
    SHOW("get_tsc", SYS_prctl, PR_GET_TSC, bad[i]);
    // What a limit of zero is: read-only memory may be read.
    if (bad[i] != read_only) SHOW("nanosleep", SYS_nanosleep, bad[i], NULL);
    SHOW("ppoll", SYS_ppoll, NULL, 0, bad[i], NULL, 8);
  }
  const struct timespec wrong[] = {{-1, 0}, {0, -1}, {0, 1000000000}};
  for (int i = 0; i < 3; ++i) {
    SHOW("nanosleep", SYS_nanosleep, &wrong[i], NULL);
    SHOW("clock_nanosleep", SYS_clock_nanosleep, 1, 0, &wrong[i], NULL);
    SHOW("clock_nanosleep", SYS_clock_nanosleep, 1, TIMER_ABSTIME, &wrong[i], NULL);
    SHOW("ppoll", SYS_ppoll, NULL, 0, &wrong[i], NULL, 8);
  }
  const struct timespec none = {0, 0};
  const int clocks[] = {-1, 3, 4, 10, 12, 15, 16, 99, INT_MAX, INT_MIN};
  struct timespec time;
  for (size_t i = 0; i < sizeof clocks / sizeof *clocks; ++i) {
    if (clocks[i] != 3 && clocks[i] != 4) SHOW("clock_gettime", SYS_clock_gettime, clocks[i], &time);
    SHOW("clock_nanosleep", SYS_clock_nanosleep, clocks[i], 0, &none, NULL);
  }
  for (int id = 8; id < 10; ++id) SHOW("alarm", SYS_clock_gettime, id, &time);
  struct rusage usage;
  SHOW("getrusage", SYS_getrusage, 2, &usage);
  SHOW("getrusage", SYS_getrusage, RUSAGE_CHILDREN, &usage);
  SHOW("select", SYS_pselect6, 0, NULL, NULL, NULL, &none, NULL);
  SHOW("set_tsc", SYS_prctl, PR_SET_TSC, 0);
  SHOW("set_tsc", SYS_prctl, PR_SET_TSC, 3);
}

// Waits of two threads take real time, and pass at the same time.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static int is_woken;
static void* wake(void* unused) {
  (void)unused;
  usleep(200000);
  pthread_mutex_lock(&mutex);
  is_woken = 1;
  pthread_cond_signal(&woken);
  pthread_mutex_unlock(&mutex);
  usleep(150000);
  return NULL;
}

static void wait_together(void) {
  pthread_t other;
  struct timespec until;
  struct epoll_event event;
  const long long start = now();
  pthread_create(&other, NULL, wake, NULL);
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 50;
  pthread_mutex_lock(&mutex);
  int result = 0;
  while (!is_woken && result == 0) result = pthread_cond_timedwait(&woken, &mutex, &until);
  pthread_mutex_unlock(&mutex);
  report("woken", result, start);
  WAIT("epoll_wait", epoll_wait(epoll_create1(0), &event, 1, 100));
  pthread_join(other, NULL);
  report("joined", 0, start);
  WAIT("sleep", sleep(50));
}

#if defined(__x86_64__)
static volatile int faults;
static void on_fault(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)info;
  ++faults;
  ((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

// A handler of the program's own gets its faults, and no others; and the counter is as the program set it.
static void handle_faults(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  unsigned long long counter = __rdtsc();
  printf("counter %d %d\n", faults, counter != 0);
  __asm__ volatile("movb (%0), %%al" : : "a"(8L));
  printf("own %d\n", faults);
  int mode = 0;
  prctl(PR_GET_TSC, &mode);
  printf("mode %d\n", mode);
  prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
  prctl(PR_GET_TSC, &mode);
  printf("mode %d\n", mode);
  counter = __rdtsc();
  printf("disabled %d\n", faults);
  prctl(PR_SET_TSC, PR_TSC_ENABLE);
  counter = __rdtsc();
  printf("enabled %d\n", faults);
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  printf("blocked %d\n", sigismember(&blocked, SIGSEGV));
}
#endif

int main(int count, char** words) {
  const char* act = count > 1 ? words[1] : "";
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  if (strcmp(act, "read") == 0) {
    read_clocks();
    usleep(1250000);
    read_clocks();
  }
  if (strcmp(act, "wait") == 0) wait_in_vain();
  if (strcmp(act, "sleep") == 0) sleep_long();
  if (strcmp(act, "refuse") == 0) refuse();
  if (strcmp(act, "threads") == 0) wait_together();
#if defined(__x86_64__)
  if (strcmp(act, "faults") == 0) handle_faults();
#endif
  return 0;
}
