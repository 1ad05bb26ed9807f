/* What a C or C++ program says to the checker that explores it: its alternatives, what must hold, what its state is.
 *
 *   switch (ps_choose(3)) { ... }          pick an alternative: 0, 1 or 2; the checker tries them all
 *   ps_choose(0);                          there is no alternative, a deadlock: does not return
 *   ps_assert(balance >= 0, "overdrawn");  must hold on every path
 *   ps_state(&model, sizeof model);        these bytes are the state: states with equal bytes are one
 *   ps_ignore(&counter, sizeof counter);   these bytes do not count
 *
 * There is no library to link. Under a checker (pagestore's Tracee) each choice stops the program, and the checker
 * rolls it back once for each alternative. Without one, ps_choose takes its answers from the environment variable
 * PAGESTORE_TRACE ("2,0,1", or "@file": a file with such a list, or one that the checker has saved), and when these are
 * used up, or there are none, picks at random, from PAGESTORE_SEED if it is set; a failed assertion aborts. So a path
 * that a checker has found runs by itself in a debugger.
 *
 * ps_choose and ps_assert pass their file and line on, so they are macros. What is declared, at most 256 ranges of each
 * kind, lies in the program's own memory: it rolls back with it. All files of a program include the same version of
 * this header.
 */
#ifndef PAGESTORE_H
#define PAGESTORE_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A choice's location is a file, a line, and its number among all in the file: two on one line are two. */
#define ps_choose(n) (ps_under_check(), ps_choose_at((n), __FILE__, (uint64_t)__COUNTER__ << 32 | __LINE__))
#define ps_assert(ok, text) ((ok) ? (void)0 : ps_fail_at((text), __FILE__, __LINE__))

struct ps_range {
  uint64_t start, length;
};

/* All that the program tells the checker, which has the same layout in native/ptrace/trap.h. The checker knows it by
 * its magic number and version. What the reserved fields will mean needs no new version, since zero means that the
 * program does not use them; any other change does, and the checker still reads the versions before. */
#define PS_LAYOUT_MAGIC 0x70735232u
#define PS_LAYOUT_VERSION 2u
#define PS_MOST_RANGES 256

struct ps_layout {
  uint32_t magic;
  uint32_t is_checked; /* whether a checker controls the program */
  uint32_t version;
  uint32_t size;                      /* of all of this, in bytes */
  uint32_t most_ranges;               /* of each kind that there is room for */
  uint32_t states, ignored;           /* ranges of each kind in use */
  uint32_t reserved_symmetric;        /* for ranges that may be exchanged without another state: how many */
  uint64_t reserved_symmetric_ranges; /* and where they are */
  uint64_t reserved_entry;            /* for code of the checker's inside the program */
  uint64_t reserved_names;            /* for names of alternatives */
  uint64_t reserved[7];
  struct ps_range state[PS_MOST_RANGES];
  struct ps_range ignore[PS_MOST_RANGES];
};

/* One of each in a program, however many files include this. */
__attribute__((weak, used)) struct ps_layout ps_program_layout = {
    PS_LAYOUT_MAGIC, 0,       PS_LAYOUT_VERSION, sizeof(struct ps_layout), PS_MOST_RANGES, 0, 0, 0, 0, 0, 0, {0},
    {{0, 0}},        {{0, 0}}};
__attribute__((weak)) int ps_has_asked = 0;
__attribute__((weak)) const char* ps_trace_rest = NULL;
__attribute__((weak)) uint64_t ps_random_state = 0;

enum { PS_CHECK = 0x70730000, PS_CHOOSE = 0x70730001, PS_ASSERT = 0x70730002, PS_UNDER_CHECK = 0x70730001 };

/* A program speaks to a checker by system calls that no kernel has: without a checker the kernel refuses them. The
 * compiler takes such a call for a function call, so that registers which functions need not keep are lost. Then they
 * do not make two states of one. */
#if defined(__x86_64__)

static inline long ps_call(long number, uint64_t a, const void* b, uint64_t c) {
  long result = number, rdi = (long)a, rsi = (long)b, rdx = (long)c;
  __asm__ volatile("syscall"
                   : "+a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx)
                   :
                   : "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                     "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
#if defined(__AVX512F__)
                     "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26",
                     "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7",
#endif
                     "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "memory", "cc");
  return result;
}

#elif defined(__aarch64__)

static inline long ps_call(long number, uint64_t a, const void* b, uint64_t c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = (long)a;
  register long x1 __asm__("x1") = (long)b;
  register long x2 __asm__("x2") = (long)c;
  __asm__ volatile("svc #0"
                   : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x8)
                   :
                   : "x3", "x4", "x5", "x6", "x7", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "v0",
                     "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
                     "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "memory", "cc");
  return x0;
}

#else
#error "pagestore.h does not know this processor yet"
#endif

/* Asks whether there is a checker, once. */
__attribute__((weak)) int ps_under_check(void) {
  if (!__atomic_load_n(&ps_has_asked, __ATOMIC_ACQUIRE)) {
    /* Another thread may ask meanwhile: it gets the same answer. */
    ps_program_layout.is_checked =
        ps_call(PS_CHECK, (uint64_t)(uintptr_t)&ps_program_layout, NULL, 0) == PS_UNDER_CHECK;
    __atomic_store_n(&ps_has_asked, 1, __ATOMIC_RELEASE);
  }
  return ps_program_layout.is_checked != 0;
}

/* What a file of a trace says; NULL where it cannot be read. It stays in memory up to the end of the program. */
__attribute__((weak)) char* ps_read_trace(const char* file) {
  char *text = NULL, *more;
  size_t length = 0, room = 0;
  ssize_t got = -1;
  int fd = open(file, O_RDONLY);
  while (fd >= 0) {
    if (length + 1 >= room) {
      more = (char*)realloc(text, room = 2 * room + 4096);
      if (more == NULL) break;
      text = more;
    }
    got = read(fd, text + length, room - length - 1);
    if (got <= 0) break;
    length += (size_t)got;
    got = -1;
  }
  if (fd >= 0) close(fd);
  if (got != 0) return NULL;
  text[length] = '\0';
  return text;
}

/* The list of alternatives in a file of a trace: the file itself, or in JSON what its key "choices" has. */
__attribute__((weak)) const char* ps_find_trace(const char* text) {
  const char* at = text + strspn(text, " \t\r\n");
  if (*at != '{') return at;
  while ((at = strstr(at, "\"choices\"")) != NULL) {
    at += strlen("\"choices\"");
    at += strspn(at, " \t\r\n");
    /* Only a key is followed by a colon; a string may have the same text. */
    if (*at != ':') continue;
    at += 1 + strspn(at + 1, " \t\r\n[");
    return *at == ']' ? "" : at;
  }
  return "?";
}

__attribute__((weak)) void ps_begin_by_itself(void) {
  const char *trace = getenv("PAGESTORE_TRACE"), *seed = getenv("PAGESTORE_SEED");
  if (trace != NULL && *trace == '@') {
    const char* text = ps_read_trace(trace + 1);
    if (text == NULL) {
      fprintf(stderr, "PAGESTORE_TRACE: %s cannot be read\n", trace + 1);
      exit(2);
    }
    trace = ps_find_trace(text);
  }
  ps_trace_rest = trace != NULL ? trace : "";
  ps_random_state = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
}

__attribute__((weak, used)) int ps_choose_by_itself(int n, const char* file, int line) {
  if (ps_trace_rest == NULL) ps_begin_by_itself();
  if (n <= 0) {
    fflush(stdout);
    fprintf(stderr, "%s:%d: ps_choose(0): there is no alternative\n", file, line);
    exit(1);
  }
  if (*ps_trace_rest != '\0') {
    char* end;
    long choice = strtol(ps_trace_rest, &end, 10);
    if (end == ps_trace_rest || choice < 0 || choice >= n) {
      fflush(stdout);
      fprintf(stderr, "%s:%d: ps_choose(%d): the rest of PAGESTORE_TRACE is \"%.200s\"\n", file, line, n,
              ps_trace_rest);
      exit(2);
    }
    end += strspn(end, " \t\r\n");
    /* Behind a file's list, other text may follow. */
    ps_trace_rest = *end == ',' ? end + 1 : *end == ']' ? "" : end;
    return (int)choice;
  }
  /* splitmix64 */
  uint64_t z = (ps_random_state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (int)((z ^ (z >> 31)) % (uint64_t)n);
}

#if defined(__x86_64__)

/* Compilers that instrument functions must leave this one alone: its arguments are in registers. */
#define PS_NAKED __attribute__((weak, naked, noinline, used, no_instrument_function)) PS_NOT_COVERED
#define PS_NOT_COVERED
#if defined(__has_attribute)
#if __has_attribute(no_sanitize_coverage)
#undef PS_NOT_COVERED
#define PS_NOT_COVERED __attribute__((no_sanitize_coverage))
#endif
#endif

/* What earlier calls left below the stack pointer is no state, but it would come to lie in a frame of this function,
 * where it counts. So it has none: all that it puts on the stack is where it returns to. The 128 bytes below are its
 * own by the calling convention, and it has nothing there: r10 says so to the checker, which does not count them.
 * Nothing is written there, since a stack can be so small that it ends before. */
PS_NAKED int ps_choose_at(int n __attribute__((unused)), const char* file __attribute__((unused)),
                          uint64_t location __attribute__((unused))) {
  __asm__ volatile(
      "mov{q ps_program_layout@GOTPCREL(%%rip), %%rax| rax, ps_program_layout@GOTPCREL[rip]}\n\t"
      "cmp{l $0, 4(%%rax)| dword ptr [rax + 4], 0}\n\t"
      "je ps_choose_by_itself@PLT\n\t"
      "mov{l $0x70730001, %%eax| eax, 0x70730001}\n\t"
      "mov{l $0x70730010, %%r10d| r10d, 0x70730010}\n\t"
      "syscall\n\t"
      "test{q %%rax, %%rax| rax, rax}\n\t"
      "js ps_choose_by_itself@PLT\n\t" /* the checker has detached */
      "ret"
      :
      :
      : "memory");
}

#else

static inline int ps_choose_at(int n, const char* file, uint64_t location) {
  long choice = 0;
  if (ps_under_check()) {
    choice = ps_call(PS_CHOOSE, (uint64_t)n, file, location);
    /* Below zero when the checker has detached. */
    if (choice >= 0) return (int)choice;
  }
  return ps_choose_by_itself(n, file, (int)(location & 0xffffffffu));
}

#endif

static inline void ps_fail_at(const char* text, const char* file, int line) {
  /* Below zero without a checker: in a child of the program under check. */
  if (ps_under_check() && ps_call(PS_ASSERT, (uint64_t)(uintptr_t)text, file, (uint64_t)line) >= 0) return;
  fflush(stdout);
  fprintf(stderr, "%s:%d: %s\n", file, line, text);
  abort();
}

__attribute__((weak)) void ps_declare(struct ps_range* ranges, uint32_t* count, const void* p, size_t n) {
  const uint64_t start = (uint64_t)(uintptr_t)p;
  uint32_t i;
  if (!ps_under_check()) return;
  for (i = 0; i < *count; i++) {
    if (ranges[i].start == start && ranges[i].length == n) return;
  }
  if (*count == PS_MOST_RANGES) {
    fprintf(stderr, "pagestore.h: more than %d ranges\n", PS_MOST_RANGES);
    abort();
  }
  ranges[*count].start = start;
  ranges[*count].length = n;
  ++*count;
}

static inline void ps_state(const void* p, size_t n) {
  ps_declare(ps_program_layout.state, &ps_program_layout.states, p, n);
}

static inline void ps_ignore(const void* p, size_t n) {
  ps_declare(ps_program_layout.ignore, &ps_program_layout.ignored, p, n);
}

#ifdef __cplusplus
}
#endif

#endif
