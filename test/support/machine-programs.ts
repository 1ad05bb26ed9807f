/** Random machines as C programs, whose variables live in odd homes and which choose in odd places. */
import { type Machine, pick, type Random, randomFrom, randomMachine, type Update } from './machines.js'

/** Where a variable lives. `NAME` stands for the variable's name. */
interface Home {
  /** How many values fit. */
  most: number
  /** Outside of all functions. */
  globals?: string
  /** In a function whose frame lives as long as the program: `main`'s own, or one that `main` calls. */
  locals?: string
  frame?: 'main'
  get: string
  set: string
  /** Its address, where it lies in memory and can be declared. */
  address?: string
  /** Only one variable of a program can live there. */
  once?: boolean
  /** It does not roll back, and a search says so. */
  warns?: boolean
}

function memory(address: string, globals: string, locals = ''): Home {
  return { most: 5, globals, locals, get: `*${address}`, set: `*${address} = value`, address }
}

const mapped = (kind: string) =>
  memory(
    '(NAME + 700)',
    'static volatile int* NAME;',
    `NAME = mmap(NULL, 20000, PROT_READ | PROT_WRITE, ${kind} | MAP_ANONYMOUS, -1, 0);`,
  )

const breakHome = 'size of the heap'

const inCoroutine = (stack: string) =>
  memory(
    'NAME',
    `static ucontext_t NAME_outer, NAME_inner;
static volatile int* NAME;
static void NAME_keep(void) {
  volatile int value = 0;
  NAME = &value;
  for (;;) swapcontext(&NAME_inner, &NAME_outer);
}`,
    `${stack}
  getcontext(&NAME_inner);
  NAME_inner.uc_stack.ss_sp = (char*)NAME_stack;
  NAME_inner.uc_stack.ss_size = 65536;
  makecontext(&NAME_inner, NAME_keep, 0);
  swapcontext(&NAME_outer, &NAME_inner);`,
  )

// A frame that was left by a jump, and that a jump can go back to: what lies between is for the frames of others.
// Each deeper than the last, which is still in use.
const inSuspendedFrame = memory(
  'NAME',
  `enum { NAME_depth = 100000 * (1 + __COUNTER__) };
static jmp_buf NAME_outer, NAME_inner;
static volatile int* NAME;
__attribute__((noinline)) static void NAME_keep(volatile char* room) {
  volatile int value = 0;
  NAME = &value;
  room[0] = 0;
  if (setjmp(NAME_inner) == 0) longjmp(NAME_outer, 1);
  abort();
}
__attribute__((noinline)) static void NAME_start(void) {
  volatile char room[NAME_depth];
  NAME_keep(room);
}`,
  'if (setjmp(NAME_outer) == 0) NAME_start();',
)

// The stack cannot grow any more then, so it grows before.
const belowStack: Home = {
  ...memory(
    'NAME',
    `static volatile int* NAME;
__attribute__((noinline)) static void NAME_grow(void) {
  volatile char room[1000000];
  for (int i = 0; i < (int)sizeof room; i += 1000) room[i] = 0;
}
__attribute__((noinline)) static void NAME_map(void) {
  char line[256], *start = NULL;
  FILE* maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps) != NULL) {
    if (strstr(line, "[stack]") != NULL) start = (char*)strtoul(line, NULL, 16) - 4096;
  }
  fclose(maps);
  NAME = mmap(start, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}`,
    'NAME_grow(); NAME_map();',
  ),
  once: true,
}

const onStack = memory('NAME', 'static volatile short* NAME;', 'volatile short NAME_local = 0; NAME = &NAME_local;')

export const homes: Record<string, Home> = {
  global: memory('(&NAME)', 'static volatile int NAME;'),
  'large .bss': memory('(NAME + 29000)', 'static volatile int NAME[30000];'),
  heap: memory('NAME', 'static volatile long* NAME;', 'NAME = calloc(1, 40);'),
  'large heap': memory('(NAME + 99999)', 'static volatile signed char* NAME;', 'NAME = calloc(1, 300000);'),
  "main's frame": { ...onStack, frame: 'main' },
  'a live frame': onStack,
  "a coroutine's frame, in main's frame": { ...inCoroutine('volatile char NAME_stack[65536];'), frame: 'main' },
  "a coroutine's frame, in a live frame": inCoroutine('volatile char NAME_stack[65536];'),
  "a coroutine's frame, in .bss": inCoroutine('static char NAME_stack[65536];'),
  'a suspended frame': inSuspendedFrame,
  'a page below the stack': belowStack,
  'right below an alternate stack': {
    ...memory(
      '((volatile int*)(NAME + 60))',
      'static volatile char NAME[64 + 65536] __attribute__((aligned(64)));',
      'stack_t NAME_stack = {.ss_sp = (char*)NAME + 64, .ss_size = 65536}; sigaltstack(&NAME_stack, NULL);',
    ),
    once: true,
  },
  'thread-local': memory('(&NAME)', 'static _Thread_local volatile int NAME;'),
  'private mapping': mapped('MAP_PRIVATE'),
  'shared mapping': mapped('MAP_SHARED'),
  [breakHome]: {
    most: 4,
    globals: 'static char* NAME;',
    locals: 'NAME = sbrk(0);',
    get: '(int)(((char*)sbrk(0) - NAME) / 40960)',
    set: 'if (brk(NAME + value * 40960) != 0) abort()',
    once: true,
  },
  'rounding mode': {
    most: 4,
    globals: 'static const int NAME[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};',
    get: '(fegetround() == NAME[1] ? 1 : fegetround() == NAME[2] ? 2 : fegetround() == NAME[3] ? 3 : 0)',
    set: 'fesetround(NAME[value])',
    once: true,
  },
  'signal mask': {
    most: 4,
    get: 'is_blocked(SIGTERM) + 2 * is_blocked(SIGWINCH)',
    set: 'block(SIGTERM, value & 1); block(SIGWINCH, value & 2)',
    once: true,
  },
  'file offset': {
    most: 5,
    globals: 'static int NAME;',
    locals: 'NAME = open("/proc/self/exe", O_RDONLY);',
    get: '(int)lseek(NAME, 0, SEEK_CUR)',
    set: 'lseek(NAME, value, SEEK_SET)',
  },
  'signal action': {
    most: 3,
    globals: `static void NAME_one(int signal) { (void)signal; }
static void NAME_two(int signal) { (void)signal; }
static void (*const NAME_all[])(int) = {SIG_DFL, NAME_one, NAME_two};`,
    get: '(action_of(SIGUSR2) == NAME_one ? 1 : action_of(SIGUSR2) == NAME_two ? 2 : 0)',
    set: 'signal(SIGUSR2, NAME_all[value])',
    once: true,
    warns: true,
  },
  'alternate stack': {
    most: 3,
    globals: 'static char NAME[3][65536];',
    get: '(int)(((char*)alternate_stack() - NAME[0]) / 65536)',
    set: 'set_alternate_stack(NAME[value])',
    locals: 'set_alternate_stack(NAME[0]);',
    once: true,
    warns: true,
  },
}

/** How a program comes to its choices: what `choose(n)` does, and what `main` prepares for it. */
interface Place {
  globals: string
  locals?: string
}

function coroutine(stack: string): Place {
  return {
    globals: `static ucontext_t outer, inner;
static volatile int asked, answer;
static void choose_inside(void) {
  for (;;) {
    answer = ps_choose(asked);
    swapcontext(&inner, &outer);
  }
}
static int choose(int n) {
  asked = n;
  swapcontext(&outer, &inner);
  return answer;
}`,
    locals: `${stack}
  getcontext(&inner);
  inner.uc_stack.ss_sp = (char*)stack;
  inner.uc_stack.ss_size = 65536;
  makecontext(&inner, choose_inside, 0);`,
  }
}

function handler(flags: string, prepare = ''): Place {
  return {
    globals: `static volatile int asked, answer;
static void choose_inside(int signal) { answer = (int)signal > 0 ? ps_choose(asked) : 0; }
static int choose(int n) {
  asked = n;
  raise(SIGUSR1);
  return answer;
}`,
    locals: `${prepare}
  struct sigaction choosing = {.sa_handler = choose_inside, .sa_flags = ${flags}};
  sigaction(SIGUSR1, &choosing, NULL);`,
  }
}

const alternate = 'stack_t alternate = {.ss_sp = (char*)stack, .ss_size = 65536}; sigaltstack(&alternate, NULL);'

export const places: Record<string, Place> = {
  main: { globals: 'static int choose(int n) { return ps_choose(n); }' },
  'a coroutine on the heap': coroutine('char* stack = malloc(65536);'),
  "a coroutine in main's frame": coroutine('volatile char stack[65536];'),
  'a coroutine in .bss': coroutine('static char stack[65536];'),
  'a handler': handler('0'),
  "a handler with a stack in main's frame": handler('SA_ONSTACK', `volatile char stack[65536]; ${alternate}`),
  'a handler with a stack on the heap': handler('SA_ONSTACK', `char* stack = malloc(65536); ${alternate}`),
}

export interface MachineProgram {
  seed: number
  machine: Machine
  homes: readonly string[]
  place: string
  /** For the compiler. */
  optimized: '-O0' | '-O1' | '-O2'
  /** Whether all variables lie in memory: then the argument `declare` makes them the state. */
  canDeclare: boolean
  /** Whether some variable does not roll back, so that a search may warn and be wrong. */
  warns: boolean
  source: string
}

/** A program made of these homes and places; the first of either is there in any case where there is only one. */
export function randomProgram(
  seed: number,
  from: { homes: readonly string[]; places: readonly string[] },
): MachineProgram {
  const random = randomFrom(seed)
  const chosen = randomHomes(random, from.homes)
  const sizes = chosen.map((name) => 2 + random(homes[name]!.most - 1))
  const machine = randomMachine(random, sizes)
  const place = pick(random, from.places)
  const optimized = pick(random, ['-O0', '-O1', '-O2'] as const)
  const all = chosen.map((name) => homes[name]!)
  const program = {
    seed,
    machine,
    homes: chosen,
    place,
    optimized,
    canDeclare: all.every(({ address }) => address !== undefined),
    warns: all.some(({ warns }) => warns === true),
  }
  return { ...program, source: sourceOf(program) }
}

function randomHomes(random: Random, from: readonly string[]): string[] {
  const chosen = [pick(random, from)]
  for (let more = 1 + random(3); more > 0; more--) {
    const name = pick(random, from)
    if (homes[name]!.once !== true || !chosen.includes(name)) chosen.push(name)
    else chosen.push('global')
  }
  // What `malloc` takes lies below the break, so that moves last.
  return chosen.sort((a, b) => Number(a === breakHome) - Number(b === breakHome))
}

function sourceOf({ seed, machine, homes: names, place, optimized }: Omit<MachineProgram, 'source'>): string {
  const variables = names.map((name, i) => ({ ...homes[name]!, name: `v${i}` }))
  const named = (text: string, name: string) => text.replaceAll('NAME', name)
  const each = (text: (variable: (typeof variables)[number], i: number) => string, by = '\n') =>
    variables.map((variable, i) => named(text(variable, i), variable.name)).join(by)
  const declared = each(({ address }) => (address ? `ps_state((const void*)${address}, sizeof *${address});` : ''), ' ')
  return `// Seed ${seed}, ${optimized}. Homes: ${names.join(', ')}. Chooses in ${place}.
#define _GNU_SOURCE
#include <fcntl.h>
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "pagestore.h"
static int is_blocked(int signal) {
  sigset_t set;
  sigprocmask(SIG_BLOCK, NULL, &set);
  return sigismember(&set, signal);
}
static void block(int signal, int is) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(is ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}
static void* alternate_stack(void) {
  stack_t stack;
  sigaltstack(NULL, &stack);
  return stack.ss_sp;
}
static void set_alternate_stack(char* start) {
  stack_t stack = {.ss_sp = start, .ss_size = 65536};
  sigaltstack(&stack, NULL);
}
static void (*action_of(int signal))(int) {
  struct sigaction action;
  sigaction(signal, NULL, &action);
  return action.sa_handler;
}
${places[place]!.globals}
${each(({ globals = '' }) => globals)}
${each(({ get, set }) => `static int get_NAME(void) { return ${get}; }\nstatic void set_NAME(int value) { ${set}; }`)}
static void step(int choice) {
  ${each(() => 'const int NAME = get_NAME(); int next_NAME = NAME;', '\n  ')}
  switch (choice) {
${machine.alternatives.map((updates, i) => `    case ${i}:\n${updates.map((each) => updateOf(machine, each)).join('')}      break;\n`).join('')}    default: exit(0);
  }
  ps_assert(!(${conditionOf(machine)}), "bad");
  ${each(() => 'set_NAME(next_NAME);', ' ')}
}
__attribute__((noinline)) static void run(int declares) {
  ${each(({ locals = '', frame }) => (frame === 'main' ? '' : locals), '\n  ')}
  if (declares) { ${declared} }
  for (;;) step(choose(${machine.alternatives.length + (machine.ends ? 1 : 0)}));
}
int main(int argc, char** argv) {
  ${each(({ locals = '', frame }) => (frame === 'main' ? locals : ''), '\n  ')}
  ${places[place]!.locals ?? ''}
  (void)argv;
  (void)is_blocked, (void)block, (void)action_of, (void)alternate_stack, (void)set_alternate_stack;
  run(argc > 1);
}
`
}

function updateOf({ sizes }: Machine, { variable, factors, constant, guard }: Update): string {
  const sum = factors.map((factor, i) => `${factor} * v${i}`).join(' + ')
  const condition = guard === undefined ? '' : `if (v${guard.variable} == ${guard.value}) `
  return `      ${condition}next_v${variable} = (${sum} + ${constant}) % ${sizes[variable]};\n`
}

function conditionOf({ bad }: Machine): string {
  const parts = bad.flatMap((value, i) => (value === undefined ? [] : [`next_v${i} == ${value}`]))
  return parts.length > 0 ? parts.join(' && ') : '0'
}
