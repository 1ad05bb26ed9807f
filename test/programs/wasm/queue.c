// Messages of 32 KiB, each malloc'ed: a producer adds one, a consumer takes one, a bored one does nothing. Wasi-libc's
// malloc asks for memory by memory.grow; the stack pointer is a global.
//   clang-14 --target=wasm32-wasi -O1 -nostartfiles -Wl,--no-entry,-s,--export=longest -o queue.wasm queue.c
#include <stdlib.h>
#include <string.h>

struct message {
  struct message* next;
  int number;
  char payload[32 << 10];
};

static struct message* first;
static int steps, length;
int longest;

__attribute__((noinline)) static void fill(char* payload, int number) {
  volatile char text[16];
  for (int i = 0; i < 15; i++) text[i] = (char)('a' + number);
  for (int i = 0; i < 15; i++) payload[i] = text[i];
}

__attribute__((export_name("alternatives"))) int alternatives(void) {
  return steps >= 6 ? -1 : 3;
}

__attribute__((export_name("choose"))) void choose(int alternative) {
  steps++;
  if (alternative == 0) {
    struct message* message = calloc(1, sizeof *message);
    if (message == NULL) abort();
    fill(message->payload, message->number = length++);
    message->next = first;
    first = message;
    if (length > longest) longest = length;
  } else if (alternative == 1 && first != NULL) {
    struct message* message = first;
    first = message->next;
    free(message);
    length--;
  }
}
