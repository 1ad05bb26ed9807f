import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
let number = 0

function program(body: string, before = ''): Program {
  const source = `#include ${header}
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
int at;
${before}
int main(void) { ps_state(&at, sizeof at); ${body} }`
  return new Program(compile(folder, `program-${number++}`, source, '-pthread'), [], { stepTimeout: 400 })
}

test('a program that ends without a choice is refused, and told why', async () => {
  for (const subject of [program('return 0;'), new Program('true')]) {
    await expect(explore(subject)).rejects.toMatchObject({
      code: 'ERR_PROGRAM',
      message: expect.stringMatching(/ended without a choice.*ps_choose/),
    })
  }
})

test('a program that reads finds nothing there', async () => {
  const found = await explore(program('char c; if (ps_choose(2)) at = (int)read(0, &c, 1); ps_choose(1); return 0;'))
  expect(found).toMatchObject({ complete: true, violations: [] })
})

test('a program that starts another one, or becomes one, says what to do', async () => {
  await expect(explore(program('ps_choose(1); if (fork() == 0) _exit(0); wait(0);'))).rejects.toMatchObject({
    code: 'ERR_PROGRAM',
    message: expect.stringMatching(/starts another process/),
  })
  await expect(explore(program('ps_choose(1); execl("/bin/true", "true", (char *)0);'))).rejects.toMatchObject({
    code: 'ERR_PROGRAM',
    message: expect.stringMatching(/becomes another one/),
  })
})

test('a program that starts a thread after a choice cannot be rolled back, and says so', async () => {
  const thread = 'static void *idle(void *p) { for (;;) pause(); return p; }'
  const subject = program('pthread_t t; for (;;) { if (ps_choose(2)) pthread_create(&t, 0, idle, 0); ++at; }', thread)
  await expect(explore(subject, { maxStates: 50 })).rejects.toMatchObject({ code: 'ERR_THREADS' })
})

test('a program that stops itself is a hang that names the signal, at once and whatever the time limit is', async () => {
  const source = `#include ${header}
#include <signal.h>
#include <unistd.h>
int main(int argc, char **argv) {
  if (argc > 1) raise(SIGSTOP);
  if (ps_choose(2)) kill(getpid(), SIGSTOP);
  return argv == 0;
}`
  const file = compile(folder, 'stops-itself', source)
  const stopped = { kind: 'hang', property: 'stopped by SIGSTOP' }
  const later = await explore(new Program(file, [], { stepTimeout: 1e6 }))
  expect(later).toMatchObject({ complete: true, states: 2, violations: [{ ...stopped, choices: [1] }] })
  const early = await explore(new Program(file, ['early'], { stepTimeout: 1e6 }))
  expect(early).toMatchObject({ violations: [{ ...stopped, choices: [] }] })
})

test('the signals by which a terminal stops programs stop none that has a session of its own', async () => {
  const found = await explore(
    program('if (ps_choose(2)) { raise(SIGTSTP); raise(SIGTTIN); raise(SIGTTOU); } return 0;'),
  )
  expect(found).toMatchObject({ complete: true, violations: [] })
})

test('crashes, bad ends and hangs are violations, told apart, and the search goes on', async () => {
  const found = await explore(
    program(`switch (ps_choose(7)) {
      case 0: *(volatile int *)8 = 1; break;
      case 1: exit(4);
      case 2: abort();
      case 3: for (;;) pause();
      case 4: at = *(volatile int *)&at / (at * 2); break;
      case 5: ps_choose(0); break;
      case 6: ps_assert(at != 0, "at is something"); break;
    } return 0;`),
  )
  expect(found).toMatchObject({ complete: true, transitions: 7, deadlocks: 1, states: 2 })
  expect(found.violations.map(({ kind, property }) => [kind, property])).toEqual([
    ['crash', 'SIGSEGV in main'],
    ['exit', 'exit(4)'],
    ['crash', expect.stringMatching(/^SIGABRT/)],
    ['hang', 'no choice within 400 ms'],
    ['crash', 'SIGFPE in main'],
    ['deadlock', expect.stringMatching(/^no alternative at .*\.c:\d+$/)],
    ['assertion', 'at is something'],
  ])
  expect(found.violations[0]?.detail).toMatch(/SIGSEGV at 0x8, by the instruction at 0x/)
  expect(found.violations[3]?.detail).toMatch(/pause/)
})

test('a signal that the program handles is no crash', async () => {
  const handler = 'static void on(int s) { (void)s; at |= 8; }'
  const found = await explore(
    program('signal(SIGUSR1, on); while (at < 8) { if (ps_choose(2)) raise(SIGUSR1); else ++at; } return 0;', handler),
  )
  expect(found.violations).toEqual([])
  expect(found.complete).toBe(true)
})

test('an end is a state, and ends with other bytes are others', async () => {
  const found = await explore(program('at = ps_choose(5) / 2; return 0;'))
  expect(found).toMatchObject({ complete: true, states: 4, transitions: 5, violations: [] })
})

test('a program that is killed, by somebody or by itself, ends the search with the path that it was on', async () => {
  const subject = program('for (;;) { ps_choose(2); ++at; }')
  const open = subject.open.bind(subject)
  subject.open = (store) => {
    const running = open(store)
    setTimeout(() => process.kill(running.memory.pid, 'SIGKILL'), 150)
    return running
  }
  const killed = { kind: 'crash', property: expect.stringMatching(/was killed/) }
  expect(await explore(subject)).toMatchObject({ complete: false, bound: 'gone', violations: [killed] })
  const itself = await explore(program('for (; at < 3; ++at) { if (ps_choose(2)) kill(getpid(), 9); } return 0;'))
  expect(itself).toMatchObject({ complete: false, bound: 'gone', violations: [{ ...killed, choices: [1] }] })
})

test.each([
  ['by calls that are watched', 'for (;;) if (write(1, "x", 1)) {}', ''],
  ['by faults that it handles', '*(volatile int *)8 = 1;', 'static void on(int s) { (void)s; }'],
])('a program that never comes to a choice, kept busy %s, is told so in time', async (_, body, before) => {
  const found = await explore(
    program(
      `if (ps_choose(2)) { signal(SIGSEGV, ${before && 'on'} ${before ? '' : 'SIG_DFL'}); ${body} } return 0;`,
      before,
    ),
  )
  expect(found).toMatchObject({ complete: true, states: 2, violations: [{ kind: 'hang', choices: [1] }] })
})

test('two choices on one line are two', async () => {
  const found = await explore(
    program('at = 2 * ps_choose(2); at += ps_choose(2); ps_assert(at != 3, "at is not 3"); ps_choose(1); return 0;'),
  )
  expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 1] }])
})

test.each([
  ['counts', 'L->states = L->ignored = 0xffffffffu;'],
  ['its size', 'L->size = L->states = 0xffffffffu;'],
  ['room for more', 'L->most_ranges = 134217724u; L->size = 112u + 134217724u * 32u; L->states = 0xffffffffu;'],
  ['everything', 'memset(L, 0xff, sizeof *L);'],
])('a program that overwrites what it declared (%s) is explored all the same', async (_, overwrite) => {
  const body = `ps_choose(1);
    struct ps_layout *L = &ps_program_layout; (void)L; ${overwrite}
    at = ps_choose(2); ps_assert(at == 0, "not zero"); ps_choose(1); return 0;`
  const found = await explore(program(body))
  expect(found.violations).toMatchObject([{ kind: 'assertion', property: 'not zero' }])
})

test('a program that makes a declared range reach beyond what there is, is refused', async () => {
  const body = `ps_choose(1);
    ps_program_layout.state[0].start = 4096; ps_program_layout.state[0].length = 0xffffffffffff0000u;
    ps_choose(2); return 0;`
  await expect(explore(program(body))).rejects.toMatchObject({ code: 'ERR_ADDRESS' })
})

test('a step that ends when its time is over already is a hang, or none, whatever it ends with', async () => {
  const source = (end: string) => `#include ${header}
int main(void) {
  if (ps_choose(2)) for (volatile long i = 0; i < 80000000; ++i) continue;
  ${end}
}`
  for (const end of ['return 0;', 'return ps_choose(2) * 0;']) {
    const file = compile(folder, `program-${number++}`, source(end))
    for (let stepTimeout = 60; stepTimeout <= 240; stepTimeout += 20) {
      const found = await explore(new Program(file, [], { stepTimeout })).catch((error) => error)
      // On a loaded machine its start takes as long, too.
      if (found instanceof Error) expect(found.message).toMatch(/did not begin in time|no choice within/)
      else {
        expect(found.complete).toBe(true)
        for (const { property } of found.violations) expect(property).toMatch(/no choice within/)
      }
    }
  }
})
