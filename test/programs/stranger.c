/* Sends the signals that the arguments name to the process that the first one names, one after the other, every 1.5 ms,
   until that is gone. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
  for (;;) {
    for (int i = 2; i < argc; ++i) {
      if (kill(atoi(argv[1]), atoi(argv[i])) != 0) return 0;
      usleep(1500);
    }
  }
}
