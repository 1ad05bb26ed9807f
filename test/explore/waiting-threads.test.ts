// Threads that wait for no longer than some time, beside the one that makes the choices: the time that is left of a wait
// rolls back and counts, and passes only when all threads wait.
import { PageStore, Tracee } from 'pagestore'
import { explore, Program, type ProgramOptions } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { runTraced } from '../support/running.js'
import { build, header } from '../support/tracees.js'

const folder = ownFolder()
let number = 0

function program(source: string, options: ProgramOptions = {}): Program {
  const head = `#include ${header}
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static sem_t begin, begun;
__attribute__((noinline)) static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
static void start(void *(*run)(void *), void *argument) {
  pthread_t thread;
  pthread_create(&thread, 0, run, argument);
}
`
  return new Program(compile(folder, `waiting-${number++}`, head + source, '-pthread'), [], options)
}

// The two paths differ in nothing but how much is left of the other thread's sleep: 60 ms or 100.
const differing = `static volatile int has_slept;
static void *sleep_once(void *unused) {
  sem_wait(&begin);
  usleep(100000);
  has_slept = 1;
  for (;;) pause();
  return unused;
}
__attribute__((noinline)) static void wait_for(int first) {
  if (first) usleep(40000);
  sem_post(&begin);
  if (!first) usleep(40000);
  // The other thread is in its sleep.
  for (int i = 0; i < 3; ++i) usleep(0);
  sched_yield();
}
int main(void) {
  start(sleep_once, 0);
  usleep(1000);
  wait_for(ps_choose(2));
  ps_choose(1);
  usleep(70000);
  ps_assert(has_slept, "it has slept within 70 ms");
  return 0;
}`

test('what is left of a sleep counts, and lasts as long after a rollback', async () => {
  for (const strategy of ['breadth', 'depth'] as const) {
    const found = await explore(program(differing), { strategy })
    // The first choice, both second ones, and the end of one of them.
    expect(found).toMatchObject({ complete: true, states: 4, transitions: 4, warnings: [] })
    expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 0] }])
  }
})

test('time passes when all threads wait, and takes none of ours', async () => {
  const source = `static int woken[3];
static void *wake(void *me) { sleep(100 * (long)me); woken[(long)me] = 1; for (;;) pause(); return me; }
int main(void) {
  start(wake, (void *)1);
  start(wake, (void *)2);
  sleep(50 + 100 * (unsigned)ps_choose(3));
  ps_assert(!(woken[1] && woken[2]), "both have slept");
  return 0;
}`
  const begin = performance.now()
  for (let i = 0; i < 3; ++i) {
    const found = await explore(program(source))
    expect(found).toMatchObject({ complete: true, states: 3, transitions: 3, warnings: [] })
    expect(found.violations).toMatchObject([{ kind: 'assertion', property: 'both have slept', choices: [2] }])
  }
  // In real time all of it would take 750 s.
  expect(performance.now() - begin).toBeLessThan(700_000)
})

test('a thread that still computes is waited for', async () => {
  const source = `static int sum;
static void *work(void *unused) {
  for (;;) {
    sem_wait(&begin);
    for (volatile int i = 0; i < 40000000; ++i) ;
    ++sum;
  }
  return unused;
}
int main(void) {
  ps_state(&sum, sizeof sum);
  start(work, 0);
  for (int i = 0; i < 2; ++i) { if (ps_choose(2)) sem_post(&begin); ps_choose(1); }
  return 0;
}`
  const found = await explore(program(source))
  // Sums of 0, then 0 or 1, at the second choices and at the third, and of up to 2 at the last and at the end.
  expect(found).toMatchObject({ complete: true, violations: [], warnings: [] })
  for (let i = 0; i < 2; ++i) expect((await explore(program(source))).states).toBe(found.states)
})

test('a thread that never rests is named', async () => {
  const source = `static int at;
static void *spin(void *unused) { for (volatile long i = 0;; ++i) ; return unused; }
int main(void) {
  ps_state(&at, sizeof at);
  start(spin, 0);
  for (; at < 3; ++at) ps_choose(2);
  return 0;
}`
  const found = await explore(program(source))
  expect(found).toMatchObject({ complete: true, states: 4, violations: [] })
  expect(found.warnings).toEqual([
    expect.stringMatching(/^threads: thread \d+ runs on while another one is at a choice/),
  ])
})

test('a thread that spins until another one has slept comes on, and is named', async () => {
  const source = `static volatile int has_slept;
static void *sleep_once(void *unused) { usleep(1000); has_slept = 1; return unused; }
int main(void) {
  start(sleep_once, 0);
  while (!has_slept) sched_yield();
  ps_choose(2);
  return 0;
}`
  const found = await explore(program(source))
  expect(found).toMatchObject({ complete: true, violations: [] })
  expect(found.warnings).toEqual([expect.stringMatching(/^threads: thread \d+ /)])
})

test('a sleep in real time is named', async () => {
  const source = `static int at;
static void *sleep_on(void *unused) { for (;;) sleep(3); return unused; }
int main(void) {
  ps_state(&at, sizeof at);
  start(sleep_on, 0);
  for (; at < 2; ++at) ps_choose(2);
  return 0;
}`
  const inRealTime = await explore(program(source, { deterministic: { time: false } }))
  expect(inRealTime).toMatchObject({ complete: true, states: 3, violations: [] })
  expect(inRealTime.warnings).toEqual([
    expect.stringMatching(/^threads: thread \d+ is in the system call clock_nanosleep, which ends by itself/),
  ])
  expect(await explore(program(source))).toMatchObject({ complete: true, states: 3, warnings: [] })
})

test.each([{}, { detachable: true }])(
  'waits end as the kernel ends them, at the moments of the clock (%j)',
  (options) => {
    const file = build('kept-waits.c', { flags: ['-pthread'] })
    const { stop, output } = runTraced(folder, file, [], { ...options, deterministic: { time: true } }, { settle: 0 })
    expect(stop).toMatchObject({ kind: 'exit', code: 0 })
    expect(output.trimEnd().split('\n')).toEqual([
      'first of the other 0 at 300',
      'nanosleep 4 at 600',
      'rest 9 405000000',
      'select 4 at 601',
      'rest 6 999000',
      'select 0 at 3600',
      'set 0',
      'poll 0 at 4834',
      'revents 0',
      'joined 0 at 100601',
      // All of them until the same moment; the third one began its last sleep first.
      'turn 3 at 500',
      'turn 2 at 500',
      'turn 1 at 500',
    ])
  },
)

test('a tracee goes back into a wait of which a part has passed', () => {
  const file = build('kept-waits.c', { flags: ['-pthread'] })
  using store = new PageStore()
  using tracee = Tracee.spawn(store, file, [], { deterministic: { time: true }, stdio: ['ignore', 'ignore', 'ignore'] })
  // The other thread has slept once: the first is in the middle of its sleep of ten seconds.
  const until = { syscall: ['tgkill'] }
  const first = untilCall(tracee, until)
  const before = tracee.capture()
  const keys = [1, 2].map(() => {
    untilCall(tracee, until)
    untilCall(tracee, until)
    using after = tracee.capture()
    const key = after.key
    tracee.restore(before)
    return key
  })
  expect(first).toBe('tgkill')
  expect(keys[0]).toBe(keys[1])
})

function untilCall(tracee: Tracee, until: { syscall: string[] }): string {
  for (;;) {
    const stop = tracee.resume({ until, settle: 0 })
    if (stop.kind === 'syscall' && stop.entering) return stop.name
    if (stop.kind === 'exit') throw new Error('it has ended')
  }
}

test('the first stop of a program with two threads is the same each time', () => {
  const subject = program(`static volatile int sum;
static void *work(void *unused) { for (int i = 0; i < 100000; ++i) ++sum; sem_wait(&begin); return unused; }
int main(void) { start(work, 0); ps_choose(2); return sum; }`)
  const fingerprints = new Set<string>()
  for (let i = 0; i < 5; ++i) {
    using store = new PageStore()
    const running = subject.open(store)
    running.start()
    fingerprints.add(running.memory.capture().fingerprint())
    running.close()
  }
  expect(fingerprints.size).toBe(1)
})

test.each([
  [2, false],
  [3, true],
])('%i threads wait without a limit, and wait on after each choice (woken at each: %s)', async (count, wakes) => {
  const source = `static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int value, stop;
static void *wait_for_stop(void *unused) {
  pthread_mutex_lock(&mutex);
  while (!stop) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
  return unused;
}
int main(void) {
  ps_state(&value, sizeof(value));
  for (int i = 0; i < ${count}; ++i) start(wait_for_stop, 0);
  for (;;) {
    value = (value + ps_choose(2)) % 3;
    if (${Number(wakes)}) {
      pthread_mutex_lock(&mutex);
      pthread_cond_broadcast(&changed);
      pthread_mutex_unlock(&mutex);
    }
  }
}`
  for (const strategy of ['breadth', 'depth'] as const) {
    const found = await explore(program(source), { strategy })
    expect(found).toMatchObject({ complete: true, states: 3, transitions: 6, violations: [], warnings: [] })
  }
})

test('two threads wait with a limit, again and again, beside one that sleeps', async () => {
  const source = `static pthread_mutex_t mutexes[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_cond_t never[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
static volatile int passed[2];
static void *count(void *me) {
  const long i = (long)me;
  pthread_mutex_lock(&mutexes[i]);
  for (;;) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 1 + i;
    pthread_cond_timedwait(&never[i], &mutexes[i], &end);
    ++passed[i];
  }
  return me;
}
int main(void) {
  start(count, (void *)0);
  start(count, (void *)1);
  usleep(500000 + 2000000 * (unsigned)ps_choose(3));
  ps_assert(passed[0] < 4 || passed[1] != 2, "four seconds have passed");
  return 0;
}`
  const found = await explore(program(source))
  expect(found).toMatchObject({ complete: true, transitions: 3, warnings: [] })
  expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [2] }])
})
