import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type ExploreOptions, explore, Program, type Running, type Subject } from 'pagestore/explore'
import { afterEach, describe, expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { isThere } from '../support/tracees.js'

const folder = ownFolder()
const begun = join(folder, 'begun')
const gate = join(folder, 'gate')
afterEach(() => {
  rmSync(begun, { force: true })
  rmSync(gate, { force: true })
})

/** Says that it has begun to wait, and does so for ever. */
const waits = (how: string) => `
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include "pagestore.h"
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void wait_for_ever(void) {
  int ends[2];
  char byte;
  if (pipe(ends) != 0) abort();
  close(open("${begun}", O_CREAT | O_WRONLY, 0600));
  ${how}
}
`
const include = ['-I', 'include', '-pthread']

const ways = {
  'runs on': 'for (;;) ;',
  reads: 'if (read(ends[0], &byte, 1) >= 0) abort();',
  polls: 'poll(NULL, 0, -1);',
  pauses: 'pause();',
  'waits for a mutex': 'pthread_mutex_lock(&mutex), pthread_mutex_lock(&mutex);',
} as const

/** Aborts the search as soon as the program waits; no step ends by itself. */
async function interrupted(program: string, args: string[], options: ExploreOptions, onOpen = (_: number) => {}) {
  const stop = new AbortController()
  const watching = setInterval(() => {
    if (existsSync(begun)) stop.abort()
  }, 20)
  const pids: number[] = []
  const subject = new Program(program, args, { stepTimeout: 3_600_000 })
  const open = subject.open.bind(subject)
  subject.open = (store) => {
    onOpen(pids.length)
    const running = open(store)
    pids.push(running.memory.pid)
    return running
  }
  try {
    return await explore(subject, { ...options, signal: stop.signal })
  } finally {
    clearInterval(watching)
    expect(pids.filter(isThere)).toEqual([])
  }
}

describe.each(Object.entries(ways))('a program that %s', (name, how) => {
  const source = `${waits(how)}
int main(int argc, char** argv) {
  if (argc > 1) wait_for_ever();
  for (int i = 0; i < 3; i++) {
    if (ps_choose(2) == 1 && i == 1) wait_for_ever();
  }
}`
  const program = () => compile(folder, name.replaceAll(' ', '-'), source, ...include)

  test.each(['breadth', 'depth', 'random'] as const)('is interrupted in a step, %s', async (strategy) => {
    const found = await interrupted(program(), [], { strategy })
    expect(found).toMatchObject({ complete: false, bound: 'aborted', violations: [] })
    expect(found.states).toBeGreaterThan(1)
  })

  test('is interrupted before its first choice', async () => {
    expect(await interrupted(program(), ['at once'], {})).toMatchObject({
      complete: false,
      bound: 'aborted',
      states: 0,
      violations: [],
    })
  })
})

describe('what comes after the search is interrupted in a step', () => {
  const source = `${waits(ways['runs on'])}
static int counter, i;
int main(int argc, char** argv) {
  ps_state(&counter, sizeof counter);
  ps_state(&i, sizeof i);
  for (; i < 4; i++) {
    counter = (counter + ps_choose(3)) % 3;
    if (access("${gate}", F_OK) == 0) wait_for_ever();
    ps_assert(argc < 2 || i < 3, "never as far");
  }
}`
  const program = () => compile(folder, 'after', source, ...include)
  const openGate = () => writeFileSync(gate, '')

  test('while states are verified', async () => {
    // Called at the end of the search, too.
    const onProgress = ({ queue }: { queue: number }) => {
      if (queue === 0) openGate()
    }
    const found = await interrupted(program(), [], { verify: true, onProgress })
    expect(found).toMatchObject({ complete: true, verified: 0, violations: [] })
    expect(found.states).toBeGreaterThan(3)
  })

  test('while fresh runs are compared', async () => {
    const found = await interrupted(program(), [], { verify: true }, (run) => run === 1 && openGate())
    expect(found).toMatchObject({ complete: true, violations: [] })
    expect(found.verified).toBeGreaterThan(0)
  })

  test('while a violation is shown', async () => {
    const onProgress = ({ queue }: { queue: number }) => {
      if (queue === 0) openGate()
    }
    const found = await interrupted(program(), ['fails'], { onProgress })
    expect(found).toMatchObject({ complete: true, violations: [{ kind: 'assertion', steps: undefined }] })
  })

  test('while a violation is confirmed', async () => {
    const found = await interrupted(program(), ['fails'], {}, (run) => run === 1 && openGate())
    expect(found).toMatchObject({
      violations: [{ kind: 'assertion', detail: 'no fresh run could confirm it: there was an interruption' }],
    })
  })
})

test('a step that takes many turns of the event loop leads to what it leads to without them', async () => {
  const program = compile(
    folder,
    'long',
    `${waits('')}
int main(void) {
  int total = 0;
  for (int i = 0; i < 2; i++) {
    total += ps_choose(2);
    for (volatile long n = 0; n < 900000000; n++) ;
    ps_assert(total < 2, "not both of them");
  }
}`,
    ...include,
  )
  let turns = 0
  const turning = setInterval(() => turns++, 10)
  const found = await explore(new Program(program))
  clearInterval(turning)
  // Without them there is one after each transition, and some at the end.
  expect(turns).toBeGreaterThan(12)
  expect(found).toMatchObject({
    complete: true,
    transitions: 6,
    violations: [{ kind: 'assertion', choices: [1, 1] }],
  })
})

test('a step of a subject that takes it in a way of its own is taken in one call', async () => {
  const program = compile(
    folder,
    'own',
    `${waits('')}
int main(void) {
  for (int i = 0; i < 2; i++) {
    ps_choose(2);
    for (volatile long n = 0; n < 300000000; n++) ;
  }
}`,
    ...include,
  )
  const inner = new Program(program)
  const taken: number[] = []
  const subject: Subject = {
    open(store): Running {
      const running = inner.open(store)
      const take = running.take.bind(running)
      return Object.assign(running, {
        take(alternative: number) {
          taken.push(alternative)
          return take(alternative)
        },
      })
    },
  }
  const found = await explore(subject)
  expect(found).toMatchObject({ complete: true, violations: [] })
  expect(taken).toHaveLength(found.transitions)
})
