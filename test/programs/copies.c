// A library for Node (LD_PRELOAD): a copy of it that is about to become another program says who may read its memory.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static void say(const char* where) {
  char line[100];
  const int length =
      snprintf(line, sizeof(line), "%s: dumpable %d, user %d\n", where, prctl(PR_GET_DUMPABLE), (int)geteuid());
  if (write(2, line, (size_t)length) != length) _exit(126);
}

pid_t setsid(void) {
  pid_t (*const real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "setsid");
  say("setsid");
  return real();
}

int execve(const char* file, char* const args[], char* const env[]) {
  int (*const real)(const char*, char* const[], char* const[]) =
      (int (*)(const char*, char* const[], char* const[]))dlsym(RTLD_NEXT, "execve");
  say("execve");
  return real(file, args, env);
}
