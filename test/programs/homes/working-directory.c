#include "main.h"

static const char* const folders[] = {"/", "/usr", "/usr/bin"};

static void prepare(void) {}
static int get(void) {
  char folder[100];
  int value = 0;
  if (getcwd(folder, sizeof folder) == NULL) abort();
  while (strcmp(folders[value], folder) != 0) value++;
  return value;
}
static void set(int wanted) {
  if (chdir(folders[wanted]) != 0) abort();
}
