/* A binary heap of numbers that declares nothing: its state is what it holds, and where in `step` it waits. */
#include "pagestore.h"

#define MOST 4
static struct { int count, at[MOST]; } heap;

static void swap(int a, int b) {
  const int number = heap.at[a];
  heap.at[a] = heap.at[b];
  heap.at[b] = number;
}

static void insert(int number) {
  int i = heap.count++;
  heap.at[i] = number;
  for (; i > 0 && heap.at[(i - 1) / 2] > heap.at[i]; i = (i - 1) / 2) swap(i, (i - 1) / 2);
}

static int remove_least(void) {
  const int least = heap.at[0];
  int i = 0;
  heap.at[0] = heap.at[--heap.count];
  heap.at[heap.count] = 0;
  for (;;) {
    int next = i;
    for (int child = 2 * i + 1; child <= 2 * i + 2; child++) {
      if (child < heap.count && heap.at[child] < heap.at[next]) next = child;
    }
    if (next == i) return least;
    swap(i, next);
    i = next;
  }
}

static void step(void) {
  if (ps_choose(2) == 0) {
    if (heap.count < MOST) insert(ps_choose(3));
  } else if (heap.count > 0) {
    ps_assert(remove_least() < 3, "a number that nobody inserted");
  }
}

int main(void) {
  for (;;) step();
}
