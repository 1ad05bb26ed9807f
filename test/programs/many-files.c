// Opens as many files as its first argument says, the same one or each its own, says that it is ready (getppid), closes
// all of them, says so again, and ends.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 0, own = argc > 2 && strcmp(argv[2], "own") == 0;
  const struct rlimit most = {count + 100, count + 100};
  if (setrlimit(RLIMIT_NOFILE, &most) != 0) perror("setrlimit");
  for (int i = 0; i < count; i++) {
    char name[40];
    snprintf(name, sizeof name, "many.%d.%d", (int)getpid(), i);
    const int fd = own ? open(name, O_RDWR | O_CREAT | O_EXCL, 0600) : open("/proc/self/exe", O_RDONLY);
    if (fd < 0) return 2;
    lseek(fd, i, SEEK_SET);
    if (own) unlink(name);
  }
  syscall(SYS_getppid);
  for (int fd = 3; fd < count + 3; fd++) close(fd);
  syscall(SYS_getppid);
  return 0;
}
