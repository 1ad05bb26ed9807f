/** A thread that a rollback puts before a signal gets it, and each equal one that waits behind it, as they were sent. */
import { execFileSync } from 'node:child_process'

import { PageStore, type Stop, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'

const folder = ownFolder()

// Sends signals to itself while they are blocked, then unblocks them. Its exit code says which values came, in which
// order, and whether all came from itself.
const queues = compile(
  folder,
  'queues',
  `#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int seen;
static void on(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  seen = 5 * seen + (info->si_pid == getpid() && info->si_code == SI_QUEUE ? info->si_value.sival_int : 4);
}
int main(int argc, char **argv) {
  const int signal = argc > 1 ? atoi(argv[1]) : SIGRTMIN;
  struct sigaction action = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
  sigaction(signal, &action, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, NULL);
  for (int i = 1; i <= 3; ++i) {
    siginfo_t info = {.si_signo = signal, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_value.sival_int = i;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), signal, &info);
  }
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  return seen;
}
`,
)

const sends = compile(
  folder,
  'sends',
  `#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  const int to = argc > 2 ? atoi(argv[1]) : 0;
  return syscall(SYS_tgkill, to, to, atoi(argv[2])) != 0;
}
`,
)

function untilEnd(tracee: Tracee): Stop[] {
  const stops: Stop[] = []
  while (stops.at(-1)?.kind !== 'exit') stops.push(tracee.resume())
  return stops
}

test('signals that queue up', () => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, queues)
  expect(tracee.resume()).toMatchObject({ kind: 'signal', signal: 'SIGRTMIN' })
  using snapshot = tracee.capture()
  for (let round = 0; round < 3; round++) {
    expect(untilEnd(tracee).map((stop) => (stop.kind === 'exit' ? stop.code : stop.kind))).toEqual([
      'signal',
      'signal',
      (1 * 5 + 2) * 5 + 3,
    ])
    tracee.restore(snapshot)
  }
})

test('signals of which one waits at most', () => {
  const number = 10 // SIGUSR1
  using store = new PageStore()
  using tracee = Tracee.spawn(store, queues, [String(number)])
  expect(tracee.resume()).toMatchObject({ kind: 'signal', signal: 'SIGUSR1' })
  execFileSync(sends, [String(tracee.pid), String(number)])
  using snapshot = tracee.capture()
  for (let round = 0; round < 3; round++) {
    expect(untilEnd(tracee).map((stop) => (stop.kind === 'exit' ? stop.code : stop.kind))).toEqual([
      'signal',
      1 * 5 + 4,
    ])
    tracee.restore(snapshot)
  }
})
