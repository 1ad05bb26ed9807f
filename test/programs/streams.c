// Makes what its argument names, says that it is ready (getppid), does something with it, says so again, and ends.
// Whatever is done to a stream that was there before can be seen by nobody but the kernel.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static const char* act;
static int is(const char* name) {
  return strcmp(act, name) == 0;
}
static int starts(const char* name) {
  return strncmp(act, name, strlen(name)) == 0;
}
static int check(long result) {
  if (result < 0) {
    perror(act);
    _exit(2);
  }
  return (int)result;
}
static void say(void) {
  syscall(SYS_getppid);
}

static int ends[2] = {-1, -1}, more[2] = {-1, -1}, a = -1, b = -1;
static char buffer[256];
static struct iovec part = {buffer, 1};
static char* mapped;
static struct epoll_event event;
static const struct itimerspec soon = {{0, 0}, {0, 1}}, late = {{0, 0}, {1000, 0}};

// A number that no snapshot has, for the pipe's reading end.
static int another_number(int fd) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control = {{0}};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
  char name[40];
  int pair[2];
  if (starts("dup2")) return check(dup2(fd, 77));
  if (starts("dup3")) return check(dup3(fd, 77, O_CLOEXEC));
  if (starts("fcntl-above")) return check(fcntl(fd, F_DUPFD, 50));
  if (starts("fcntl-cloexec")) return check(fcntl(fd, F_DUPFD_CLOEXEC, 50));
  if (starts("taken")) return check(syscall(438, check(syscall(SYS_pidfd_open, getpid(), 0)), fd, 0));
  if (starts("reopened")) {
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    return check(open(name, O_RDONLY | O_NONBLOCK));
  }
  if (starts("dev-fd")) {
    snprintf(name, sizeof(name), "/dev/fd/%d", fd);
    return check(open(name, O_RDONLY | O_NONBLOCK));
  }
  if (starts("sent")) {
    check(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    struct cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    check(sendmsg(pair[0], &message, 0));
    if (starts("sent-many")) {
      struct mmsghdr many = {message, 0};
      check(recvmmsg(pair[1], &many, 1, 0, NULL));
    } else {
      check(recvmsg(pair[1], &message, 0));
    }
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return fd;
  }
  return check(dup(fd));
}

// One thread reads from whatever number another one says.
static int asked = -1;
static void* read_asked(void* unused) {
  while (__atomic_load_n(&asked, __ATOMIC_ACQUIRE) < 0) sched_yield();
  check(read(asked, buffer, 1));
  __atomic_store_n(&asked, -1, __ATOMIC_RELEASE);
  for (;;) pause();
  return unused;
}

static void prepare(void) {
  pthread_t thread;
  struct sockaddr_un here = {AF_UNIX, ""};
  if (starts("datagram"))
    check(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
  else if (starts("packets"))
    check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
  else if (starts("socket"))
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  else
    check(pipe2(ends, O_NONBLOCK));
  check(pipe2(more, O_NONBLOCK));
  if (starts("datagram-take"))
    check(send(ends[1], "", 0, 0));
  else if (!is("at-end") && !starts("nothing") && !starts("socket-end"))
    check(write(ends[1], "some bytes", 10));
  if (is("at-end") || is("socket-end")) check(close(ends[1]));
  check(write(more[1], "more", 4));
  if (starts("timerfd") || starts("moved"))
    check(timerfd_settime(a = check(timerfd_create(CLOCK_MONOTONIC, 0)), 0, &soon, NULL));
  if (starts("moved")) b = check(timerfd_create(CLOCK_MONOTONIC, 0));
  if (is("signalfd")) {
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    a = check(signalfd(-1, &set, 0));
    raise(SIGUSR1);
  }
  if (is("inotify")) {
    check(inotify_add_watch(a = check(inotify_init()), ".", IN_CREATE));
    unlink("watched");
    close(check(open("watched", O_CREAT | O_RDWR, 0600)));
  }
  if (starts("eventfd")) a = check(eventfd(3, EFD_SEMAPHORE));
  if (starts("epoll")) {
    a = check(epoll_create1(0));
    event.events = EPOLLIN;
    if (starts("epoll-once")) event.events |= EPOLLONESHOT;
    if (starts("epoll-edge")) event.events |= EPOLLET;
    event.data.fd = ends[0];
    if (!is("epoll-dup") && !is("epoll-twins")) check(epoll_ctl(a, EPOLL_CTL_ADD, ends[0], &event));
    if (is("epoll-twins")) check(epoll_ctl(b = check(epoll_create1(0)), EPOLL_CTL_ADD, ends[0], &event));
  }
  if (is("thread")) check(-pthread_create(&thread, NULL, read_asked, NULL));
  if (starts("file") || is("sendfile-out") || is("splice-file") || is("copied-from")) {
    a = check(open("some file", O_CREAT | O_TRUNC | O_RDWR, 0600));
    check(write(a, "what was in it", 14));
    check(lseek(a, 2, SEEK_SET));
  }
  if (starts("memory")) {
    check(ftruncate(a = check(memfd_create("some file", 0)), 8192));
    if (is("memory-twice")) mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0);
  }
  if (starts("sendfile")) b = check(open("/proc/self/exe", O_RDONLY));
  if (starts("terminal")) {
    a = check(posix_openpt(O_RDWR | O_NOCTTY));
    check(grantpt(a)), check(unlockpt(a));
    b = check(open(ptsname(a), O_RDWR | O_NOCTTY));
    check(write(a, "line\n", 5));
  }
  if (starts("queue")) {
    const struct mq_attr attributes = {0, 4, 16, 0, {0}};
    char name[30];
    snprintf(name, sizeof(name), "/pagestore-%d", (int)getpid());
    a = check(mq_open(name, O_RDWR | O_CREAT, 0600, &attributes));
    check(mq_unlink(name));
    check(mq_send(a, "x", 1, 0));
  }
  if (starts("fifo")) {
    unlink("fifo");
    check(mkfifo("fifo", 0600));
    a = check(open("fifo", O_RDWR | O_NONBLOCK));
    check(write(a, "some bytes", 10));
  }
  if (is("listen") || is("bind") || is("accept") || is("connect")) {
    a = check(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    b = check(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    if (!is("bind")) check(bind(a, (struct sockaddr*)&here, sizeof(sa_family_t)));
    if (is("accept") || is("connect")) check(listen(a, 5));
    socklen_t length = sizeof(here);
    check(getsockname(a, (struct sockaddr*)&here, &length));
    if (is("accept")) check(connect(b, (struct sockaddr*)&here, length));
  }
}

static void do_other(void) {
  struct mmsghdr many = {{.msg_iov = &part, .msg_iovlen = 1}, 0};
  struct sockaddr_un there = {AF_UNIX, ""};
  socklen_t length = sizeof(there);
  int value = 0;
  loff_t offset = 4;
  if (is("splice")) check(splice(ends[0], NULL, more[1], NULL, 3, 0));
  if (is("tee")) check(tee(ends[0], more[1], 3, 0));
  if (is("vmsplice")) check(vmsplice(ends[1], &part, 1, 0));
  if (is("socket-sendfile")) check(sendfile(ends[0], check(open("/proc/self/exe", O_RDONLY)), NULL, 10));
  if (is("sendfile-out")) check(sendfile(a, b, NULL, 3));
  if (is("splice-file")) check(splice(ends[0], NULL, a, &offset, 3, 0));
  if (is("file-copied")) check(copy_file_range(check(open("/etc/passwd", O_RDONLY)), NULL, a, &offset, 3, 0));
  if (is("aio")) {
    aio_context_t context = 0;
    struct iocb request = {
        .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = ends[0], .aio_buf = (uintptr_t)buffer, .aio_nbytes = 3};
    struct iocb* all = &request;
    check(syscall(SYS_io_setup, 4, &context));
    check(syscall(SYS_io_submit, context, 1, &all));
  }
  if (is("readv")) check(readv(ends[0], &part, 1));
  if (is("preadv2")) check(preadv2(ends[0], &part, 1, -1, 0));
  if (is("pwritev2")) check(pwritev2(ends[1], &part, 1, -1, 0));
  if (is("socket-recvmmsg")) check(recvmmsg(ends[0], &many, 1, MSG_DONTWAIT, NULL));
  if (is("socket-sendmmsg")) check(sendmmsg(ends[0], &many, 1, 0));
  if (is("datagram-take")) check(recv(ends[0], buffer, 1, 0));
  if (is("datagram-take-read")) check(read(ends[0], buffer, 1));
  if (is("datagram-give")) check(send(ends[0], "", 0, 0));
  if (is("packets-give")) check(send(ends[0], "", 0, 0));
  if (is("socket-shutdown")) check(shutdown(ends[0], SHUT_WR));
  if (is("socket-option")) check(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &(int){9000}, sizeof(int)));
  if (is("listen")) check(listen(a, 5));
  if (is("bind")) check(bind(a, (struct sockaddr*)&there, sizeof(sa_family_t)));
  if (is("accept")) check(accept(a, NULL, NULL));
  if (is("connect")) {
    check(getsockname(a, (struct sockaddr*)&there, &length));
    check(connect(b, (struct sockaddr*)&there, length));
  }
  if (is("pipe-size")) check(fcntl(ends[0], 1031 /* F_SETPIPE_SZ */, 8192));
  if (is("timerfd-read") || is("signalfd") || is("inotify")) check(read(a, buffer, sizeof(buffer)) > 0 ? 0 : -1);
  if (is("eventfd-read")) check(read(a, buffer, 8));
  if (is("eventfd-other")) {  // the same number, and the same count, of another one
    check(close(a));
    check(dup2(check(eventfd(3, EFD_SEMAPHORE)), a));
  }
  if (is("timerfd-other")) {
    check(close(a));
    check(timerfd_settime(check(timerfd_create(CLOCK_MONOTONIC, 0)), 0, &late, NULL));
  }
  if (is("epoll-other")) {
    check(close(a));
    check(epoll_ctl(check(epoll_create1(0)), EPOLL_CTL_ADD, ends[0], &event));
  }
  if (is("epoll-twins")) {
    check(dup2(a, 77)), check(dup2(b, a)), check(dup2(77, b));
    check(close(77));
    check(close(a));
  }
  if (is("epoll-dup")) check(epoll_ctl(check(dup(a)), EPOLL_CTL_ADD, ends[0], &event));
  if (starts("epoll-once") || is("epoll-edge") || is("epoll-level")) check(epoll_wait(a, &event, 1, 0) == 1 ? 0 : -1);
  if (is("terminal-size")) check(ioctl(b, TIOCSWINSZ, &(struct winsize){3, 4, 0, 0}));
  if (is("terminal-mode")) {
    struct termios mode;
    check(tcgetattr(b, &mode));
    mode.c_lflag ^= ECHO;
    check(tcsetattr(b, TCSANOW, &mode));
  }
  if (is("terminal-read")) check(read(b, buffer, 1));
  if (is("terminal-reopened")) check(read(check(open(ptsname(a), O_RDWR | O_NOCTTY)), buffer, 1));
  if (is("terminal-look")) {
    struct termios mode;
    check(tcgetattr(b, &mode)), check(ioctl(b, FIONREAD, &value));
  }
  if (is("queue-give")) check(mq_send(a, "x", 1, 0));
  if (is("queue-take")) check(mq_receive(a, buffer, sizeof(buffer), NULL));
  if (is("fifo-reopened")) check(read(check(open("fifo", O_RDONLY | O_NONBLOCK)), buffer, 1));
  if (is("fifo-emptied")) {  // what was in it is lost once nobody has it open
    check(close(a));
    check(dup2(check(open("fifo", O_RDWR | O_NONBLOCK)), a));
  }
  if (starts("memory")) {
    char* also = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0);
    also[5000]++;
    check(munmap(also, 8192));
    if (mapped != NULL && mapped[5000] != 1) _exit(3);
  }
  // What changes nothing.
  if (is("nothing-read") && read(ends[0], buffer, 1) >= 0) _exit(3);
  if (is("at-end")) check(read(ends[0], buffer, 1));
  if (is("socket-end")) check(recv(ends[0], buffer, 1, 0));
  if (is("socket-peek")) check(recv(ends[0], buffer, 1, MSG_PEEK));
  if (is("look")) check(ioctl(ends[0], FIONREAD, &value));
  if (is("socket-no-error")) {
    length = sizeof(value);
    check(getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &value, &length));
  }
  if (is("unused-dup")) check(close(check(dup(ends[0]))));
  if (is("copied-from")) check(sendfile(check(open("/dev/null", O_WRONLY)), a, NULL, 3));
  if (is("pair-of-its-own")) {
    int own[2];
    check(pipe(own));
    check(write(check(dup(own[1])), "x", 1)), check(read(check(dup(own[0])), buffer, 1));
  }
}

int main(int argc, char** argv) {
  act = argc > 1 ? argv[1] : "";
  prepare();
  say();
  const size_t length = strlen(act);
  if (length > 5 && strcmp(act + length - 5, "-read") == 0 && strchr("dfrst", act[0]) && a < 0 && !starts("socket")) {
    check(read(another_number(ends[0]), buffer, 1));
  } else if (is("dup-write")) {
    check(write(check(dup(ends[1])), "x", 1));
  } else if (is("moved-read")) {  // closed under the number that a snapshot has, read under another one
    const int copy = check(dup(a));
    check(close(a));
    check(read(copy, buffer, 8));
  } else if (is("moved")) {
    check(dup2(a, 88));
    check(close(a));
    check(dup2(b, a));
  } else if (is("thread")) {
    __atomic_store_n(&asked, check(dup(ends[0])), __ATOMIC_RELEASE);
    while (__atomic_load_n(&asked, __ATOMIC_ACQUIRE) >= 0) sched_yield();
  } else if (is("file-dup")) {
    check(pwrite(check(dup(a)), "!", 1, 3));
  } else if (is("file-dup-seek")) {
    check(write(check(dup(a)), "!", 1));
  } else {
    do_other();
  }
  say();
  return 0;
}
