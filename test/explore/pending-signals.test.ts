// Signals that wait to be delivered are a part of a state: of a thread or of the process, with what the kernel knows of each.
import { PageStore, Tracee } from 'pagestore'
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
let number = 0

function build(source: string): string {
  const head = `#define _GNU_SOURCE
#include ${header}
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static sigset_t blocked;
static void block(void) {
  sigemptyset(&blocked);
  for (int i = 0; i < 3; ++i) sigaddset(&blocked, SIGRTMIN + i);
  sigaddset(&blocked, SIGUSR1);
  sigaddset(&blocked, SIGPIPE);
  sigprocmask(SIG_BLOCK, &blocked, 0);
}
static const struct timespec at_once;
`
  return compile(folder, `pending-${number++}`, head + source, '-pthread')
}

function search(source: string) {
  return explore(new Program(build(source)))
}

test('a signal that one path leaves blocked and pending does not reach another', async () => {
  const found = await search(`int main(void) {
  sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1);
  const int way = ps_choose(2);
  sigprocmask(way ? SIG_UNBLOCK : SIG_BLOCK, &set, 0);
  ps_choose(1);
  raise(SIGUSR1);
  ps_choose(1);
  return 0;
}`)
  expect(found).toMatchObject({ complete: true, warnings: [] })
  expect(found.violations).toMatchObject([{ kind: 'crash', choices: [1, 0] }])
})

test('queued signals come in their order, with their values', async () => {
  const found = await search(`int main(void) {
  block();
  for (int i = 0; i < 4; ++i) {
    const union sigval value = {.sival_int = i};
    if (ps_choose(2)) sigqueue(getpid(), SIGRTMIN, value);
  }
  int got = 0;
  siginfo_t info;
  while (sigtimedwait(&blocked, &info, &at_once) > 0) got = got * 10 + info.si_value.sival_int + 1;
  ps_assert(got != 134, "first, third and fourth");
  return 0;
}`)
  expect(found).toMatchObject({ complete: true, transitions: 30, warnings: [] })
  expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 0, 1, 1] }])
})

test('signals that differ only in what the kernel knows of them are different', async () => {
  const states = async (one: string, other: string) =>
    (await search(`int main(void) { block(); if (ps_choose(2)) ${one}; else ${other}; ps_choose(1); return 0; }`))
      .states
  const same = await states('raise(SIGUSR1)', 'raise(SIGUSR1)')
  const queued = (value: number) => `sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = ${value}})`
  expect(await states('raise(SIGUSR1)', 'kill(getpid(), SIGUSR1)')).toBe(same + 1)
  expect(await states(queued(1), queued(2))).toBe(same + 1)
  expect(await states(`(${queued(1)}, ${queued(1)})`, queued(1))).toBe(same + 1)
  // Those of different numbers have no order.
  expect(await states('(raise(SIGUSR1), raise(SIGRTMIN))', '(raise(SIGRTMIN), raise(SIGUSR1))')).toBe(same)
})

test('a signal waits for another thread, and for a write that nobody reads', async () => {
  const found = await search(`static sem_t turn;
static pthread_t other;
static volatile int got;
static void *take(void *unused) {
  for (;;) {
    sem_wait(&turn);
    got = sigtimedwait(&blocked, 0, &at_once) == SIGUSR1;
  }
  return unused;
}
int main(void) {
  block();
  pthread_create(&other, 0, take, 0);
  if (ps_choose(2)) pthread_kill(other, SIGUSR1);
  int ends[2];
  if (ps_choose(2) && pipe(ends) == 0) {
    close(ends[0]);
    if (write(ends[1], "x", 1) == 1) return 1;
    close(ends[1]);
  }
  ps_choose(1);
  const int pipe_signal = sigtimedwait(&blocked, 0, &at_once) == SIGPIPE;
  sem_post(&turn);
  usleep(1000);
  ps_assert(!(got && pipe_signal), "both were sent");
  return 0;
}`)
  expect(found).toMatchObject({ complete: true, warnings: [] })
  expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 1, 0] }])
})

describe('a tracee', () => {
  const file = build(`static volatile int count;
static siginfo_t infos[4];
static void note(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  infos[count++] = *info;
}
int main(void) {
  block();
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, 0);
  sigaction(SIGRTMIN, &action, 0);
  kill(getpid(), SIGUSR1);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 7});
  pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){.sival_int = 8});
  getppid();
  sigprocmask(SIG_UNBLOCK, &blocked, 0);
  int wrong = count != 3;
  for (int i = 0; i < count; ++i) wrong |= infos[i].si_pid != getpid() || infos[i].si_uid != getuid();
  wrong |= infos[0].si_code != SI_QUEUE && infos[0].si_code != SI_USER;
  int values = 0;
  for (int i = 0; i < count; ++i) values += infos[i].si_value.sival_int * (infos[i].si_code == SI_QUEUE);
  wrong |= values != 15;
  return wrong;
}`)

  test('receives its pending signals once after each rollback, as they were sent', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, file, [], { stdio: ['ignore', 'ignore', 'ignore'] })
    expect(tracee.resume({ until: { syscall: ['getppid'] } })).toMatchObject({ kind: 'syscall', entering: true })
    const before = tracee.capture()
    for (let i = 0; i < 4; ++i) {
      let stop = tracee.resume()
      for (; stop.kind === 'signal'; stop = tracee.resume());
      expect(stop).toMatchObject({ kind: 'exit', code: 0 })
      tracee.restore(before)
      using again = tracee.capture()
      expect(again.equals(before)).toBe(true)
      expect(again.key).toBe(before.key)
    }
  })

  test('loses what was sent to it after the snapshot', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, file, [], { stdio: ['ignore', 'ignore', 'ignore'] })
    const blocked = { until: { syscall: ['kill'] } }
    expect(tracee.resume(blocked)).toMatchObject({ kind: 'syscall' })
    const before = tracee.capture()
    expect(tracee.resume({ until: { syscall: ['getppid'] } })).toMatchObject({ kind: 'syscall' })
    for (let i = 0; i < 2; ++i) {
      process.kill(tracee.pid, 'SIGUSR1')
      tracee.restore(before)
    }
    let stop = tracee.resume()
    for (; stop.kind === 'signal'; stop = tracee.resume());
    expect(stop).toMatchObject({ kind: 'exit', code: 0 })
  })
})
