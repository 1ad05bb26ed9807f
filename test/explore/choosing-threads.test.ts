// Two threads that both make choices: which comes first is chance, so that no count would mean anything.
import { PageStore, Tracee } from 'pagestore'
import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
const head = `#include ${header}
#include <pthread.h>
#include <semaphore.h>
static int got[2];
static sem_t turn;
`

function build(name: string, source: string): string {
  return compile(folder, name, head + source, '-pthread')
}

const both = build(
  'both',
  `static void *ask(void *me) { for (;;) got[(long)me] = ps_choose(3); return me; }
int main(void) {
  ps_state(got, sizeof got);
  pthread_t other;
  pthread_create(&other, 0, ask, (void *)1);
  ask((void *)0);
}`,
)

// The main thread asks first, and the other one only when it is told to.
const inTurn = build(
  'in-turn',
  `static void *ask(void *unused) { sem_wait(&turn); got[1] = ps_choose(2); return unused; }
int main(void) {
  ps_state(got, sizeof got);
  pthread_t other;
  pthread_create(&other, 0, ask, 0);
  got[0] = ps_choose(2);
  got[0] += ps_choose(2);
  sem_post(&turn);
  pthread_join(other, 0);
}`,
)

// Another thread works on, and a third one sleeps: neither makes a choice.
const busy = build(
  'busy',
  `static volatile long turns;
static void *work(void *unused) { for (;;) ++turns; return unused; }
static void *sleep_on(void *unused) { for (;;) usleep(1000); return unused; }
int main(void) {
  ps_state(got, sizeof got);
  pthread_t other[2];
  pthread_create(&other[0], 0, work, 0);
  pthread_create(&other[1], 0, sleep_on, 0);
  for (; got[1] < 2; ++got[1]) got[0] = got[0] * 2 + ps_choose(2);
  return 0;
}`,
)

// All choices are those of one thread, which is not the first.
const one = build(
  'one',
  `static void *ask(void *me) {
  for (; got[1] < 3; ++got[1]) got[0] = got[0] * 2 + ps_choose(2);
  sem_post(&turn);
  for (;;) pause();
  return me;
}
int main(void) {
  ps_state(got, sizeof got);
  pthread_t other;
  pthread_create(&other, 0, ask, 0);
  sem_wait(&turn);
  return 0;
}`,
)

test.each([
  ['as fast as they can', both],
  ['one after the other', inTurn],
])('two threads that make choices %s are refused', async (_, file) => {
  for (let i = 0; i < 5; ++i) {
    await expect(explore(new Program(file))).rejects.toMatchObject({
      code: 'ERR_THREADS',
      message: expect.stringMatching(/two threads of the program make choices \(\d+ and \d+\)/),
    })
  }
})

test('one thread that makes all choices is explored, whichever it is', async () => {
  expect(await explore(new Program(one))).toMatchObject({ complete: true, transitions: 14, violations: [] })
})

test('threads that make no choice do not matter', async () => {
  expect(await explore(new Program(busy))).toMatchObject({ complete: true, states: 7, transitions: 6, violations: [] })
})

test('a tracee reports the choices of both', () => {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, both, [], { stdio: ['ignore', 'ignore', 'ignore'] })
  const choosers = new Set<number>()
  for (let i = 0, isWaiting = false; i < 200 && choosers.size < 2; ++i) {
    const stop = tracee.resume(isWaiting ? { choose: 1, timeout: 100 } : { timeout: 100 })
    isWaiting = stop.kind === 'choice'
    if (stop.kind === 'choice') choosers.add(stop.tid)
  }
  expect(choosers.size).toBe(2)
  store.close()
})

// Another thread works after each choice, and waits for the next one in a call at which the filter stops it.
const worker = build(
  'worker',
  `static sem_t begin, done;
static int sum, i;
static void *work(void *unused) {
  for (;;) {
    sem_wait(&begin);
    sum = sum * 3 + got[0];
    sem_post(&done);
  }
  return unused;
}
int main(void) {
  ps_state(&sum, sizeof sum);
  ps_state(&i, sizeof i);
  pthread_t other;
  pthread_create(&other, 0, work, 0);
  for (; i < 4; ++i) {
    got[0] = ps_choose(2);
    sem_post(&begin);
    sem_wait(&done);
  }
  ps_assert(sum != 31, "it is not 31");
  return 0;
}`,
)

test.each(['breadth', 'depth'] as const)(
  'a choice that was made is not lost in the stop of a worker, %s',
  async (strategy) => {
    const found = await explore(new Program(worker), { strategy })
    // 1 + 2 + 4 + 8 sums, and all ends but one.
    expect(found).toMatchObject({ complete: true, transitions: 30, deadlocks: 0 })
    expect(found.violations).toMatchObject([{ kind: 'assertion', property: 'it is not 31', choices: [1, 0, 1, 1] }])
  },
)
