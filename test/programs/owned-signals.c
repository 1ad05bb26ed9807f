// A pipe that says by a signal when something was written (O_ASYNC), and to which another process writes all the time.
// Only that signal has a handler: any other ends the program. Says "up", and at the end of its input how it was.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t count;

static void on_signal(int signal) {
  (void)signal;
  count = count + 1;
}

int main(void) {
  int ends[2];
  char byte = 0;
  if (pipe(ends) != 0) return 2;
  signal(SIGUSR1, on_signal);
  const pid_t writer = fork();
  if (writer == 0) {
    signal(SIGUSR1, SIG_DFL);
    close(ends[0]);
    close(0);
    while (write(ends[1], &byte, 1) == 1) continue;
    _exit(0);
  }
  close(ends[1]);
  fcntl(ends[0], F_SETOWN, getpid());
  fcntl(ends[0], F_SETSIG, SIGUSR1);
  fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
  if (write(1, "up\n", 3) != 3) return 2;
  struct pollfd input = {.fd = 0, .events = POLLIN};
  while (poll(&input, 1, 0) <= 0) {
    char bytes[512];
    while (read(ends[0], bytes, sizeof bytes) > 0) continue;
    // What it has open is read anew.
    close(dup(0));
  }
  close(ends[0]);
  signal(SIGCHLD, SIG_DFL);
  kill(writer, SIGKILL);
  waitpid(writer, NULL, 0);
  printf("%s\n", count > 0 ? "signals came" : "no signal came");
  return 0;
}
