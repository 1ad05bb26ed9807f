// Writes down what it chooses in a file, in the way that its argument names, and fails unless the file has just that of
// its own path.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pagestore.h"

static const char* way;
static const char* path;
static char expected[200];
static FILE *log_file, *second;
static int is(const char* name) {
  return strcmp(way, name) == 0;
}

static void add(FILE* file, const char* text) {
  fputs(text, file);
  fflush(file);
  strcat(expected, text);
}

static void note(int choice) {
  char text[40];
  snprintf(text, sizeof(text), "chosen: %d\n", choice);
  if (is("reopened")) log_file = fopen(path, "a");
  if (is("rewritten")) {
    log_file = fopen(path, "w");
    expected[0] = '\0';
  }
  add(is("two") && choice != 0 ? second : log_file, text);
  if (is("reopened") || is("rewritten")) fclose(log_file);
  if (is("cut") && choice == 0) {
    if (ftruncate(fileno(log_file), 3) != 0) ps_assert(0, "the file can be cut");
    fseek(log_file, 3, SEEK_SET);
    expected[3] = '\0';
  }
}

// All that is left of the choice is in the file.
static int write_same_length(void) {
  int fd = open(path, O_WRONLY | O_TRUNC);
  volatile int choice = ps_choose(2);
  choice = (int)pwrite(fd, choice == 0 ? "0" : "1", 1, 0);
  return ps_choose(1);
}

static int is_right(void) {
  char there[200] = {0};
  int fd = open(path, O_RDONLY);
  ssize_t length = read(fd, there, sizeof(there) - 1);
  close(fd);
  return length >= 0 && strcmp(there, expected) == 0;
}

// Of what was there before, too.
static void expect_what_is_there(void) {
  FILE* there = fopen(path, "r");
  expected[fread(expected, 1, sizeof(expected) - 1, there)] = '\0';
  fclose(there);
}

int main(int argc, char** argv) {
  (void)argc;
  way = argv[1], path = argv[2];
  const int is_after = is("append after");
  if (is_after) expect_what_is_there();
  const size_t length_before = strlen(expected);
  if (is("same length")) return write_same_length();
  if (!is("reopened") && !is("rewritten")) {
    log_file = fopen(path, is("plain") || is("cut") ? "w" : "a");
    if (is("two")) second = fopen(path, "a");
    if (is("cut")) add(log_file, "");
  }
  for (int i = 0; i < 3; i++) {
    note(ps_choose(2));
    ps_assert(is_right(), "the file has what was written");
    if (is_after) ps_assert(strstr(expected + length_before, "1\nchosen: 1\nchosen: 1") == NULL, "two are enough");
    if (is_after) ps_assert(length_before == strlen("from the day before"), "the file is as it was before all runs");
  }
  return 0;
}
