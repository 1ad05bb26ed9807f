import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'

const busy = compile(
  ownFolder(),
  'busy',
  `#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
volatile long births, signals;
static void on_signal(int signal) { (void)signal; signals++; }
static void *sleep_on(void *none) { for (;;) pause(); return none; }
int main(int argc, char **argv) {
  struct sigaction action = {0};
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, NULL);
  for (int i = 0; argc > 1 || i < 20; ++i) {
    pthread_t thread;
    if (i < 20) pthread_create(&thread, NULL, sleep_on, NULL);
    if (fork() == 0) _exit(0);
    births++;
    raise(SIGUSR1);
    usleep(1000);
  }
  raise(SIGTERM);
  return 0;
}`,
  '-pthread',
)

function count(tracee: Tracee, name: string): bigint {
  return tracee.read(tracee.symbol(name).address, 8).readBigInt64LE()
}

test('a program runs on through births and signals that it handles, until its time is over', () => {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, busy, ['for ever'], { stdio: ['ignore', 'ignore', 'inherit'] })
  let births = 0n
  // On a busy machine a program may not get far in a while.
  for (let i = 0; i < 1000 && births < 30n; ++i) {
    const began = performance.now()
    expect(tracee.runFor(60).kind).toBe('timeout')
    expect(performance.now() - began).toBeGreaterThanOrEqual(60)
    expect(count(tracee, 'births')).toBeGreaterThanOrEqual(births)
    births = count(tracee, 'births')
  }
  expect(births).toBeGreaterThanOrEqual(30n)
  expect(count(tracee, 'signals')).toBeGreaterThanOrEqual(births - 1n)
  store.close()
})

test('what else a program stops for ends the run', () => {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, busy, [], { stdio: ['ignore', 'ignore', 'inherit'] })
  expect(tracee.runFor(3_600_000)).toMatchObject({ kind: 'signal', signal: 'SIGTERM' })
  expect(count(tracee, 'births')).toBe(20n)
  expect(tracee.resume({ signal: 'none', timeout: 3_600_000 })).toMatchObject({ kind: 'exit', code: 0 })
  for (const wrong of [-1, 0.5, Number.NaN, '5' as unknown as number]) {
    expect(errorOf(() => tracee.runFor(wrong)).code).toBe('ERR_ARGUMENT_TYPE')
  }
  store.close()
})
