// The timers that a program has made are those of the snapshot after a rollback.
import { readFileSync } from 'node:fs'
import { release } from 'node:os'

import { PageStore, type Snapshot, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'
import { beOnAnOldKernel } from '../support/old-kernel.js'
import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'

const program = compile(
  ownFolder(),
  'timers',
  `#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static volatile int went_off;
static void on_signal(int signal) { went_off += signal == SIGUSR1; }
static int make(int clock, int notify, int signal, long value) {
  struct sigevent event;
  int timer = -1;
  memset(&event, 0, sizeof event);
  event.sigev_notify = notify, event.sigev_signo = signal, event.sigev_value.sival_ptr = (void *)value;
  event._sigev_un._tid = getpid();
  syscall(SYS_timer_create, clock, &event, &timer);
  return timer;
}
static int set(int timer) {
  struct itimerspec in_a_moment = {{0, 0}, {0, 1000000}};
  return (int)syscall(SYS_timer_settime, timer, 0, &in_a_moment, 0);
}
${beOnAnOldKernel}
int main(int argc, char **argv) {
  int timers[4];
  if (argc > 1) be_on_an_old_kernel();
  (void)argv;
  signal(SIGUSR1, on_signal);
  syscall(SYS_getppid);
  timers[0] = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0x1234567890);
  timers[1] = make(CLOCK_REALTIME, SIGEV_NONE, 0, 0);
  syscall(SYS_getppid);
  timers[2] = make(CLOCK_BOOTTIME, SIGEV_SIGNAL | SIGEV_THREAD_ID, SIGUSR1, -1);
  timers[3] = make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR2, 1);
  syscall(SYS_timer_delete, timers[1]);
  syscall(SYS_getppid);
  for (int i = 0; i < 3; i += 2) {
    if (set(timers[i]) != 0) return 1;
    while (went_off < i / 2 + 1) pause();
  }
  for (int i = 0; i < 4; ++i) syscall(SYS_timer_delete, timers[i]);
  syscall(SYS_getppid);
  return 0;
}
`,
)

// Before Linux 6.15 the kernel chooses the number of a timer.
const [major = 0, minor = 0] = release().split('.').map(Number)
const isOldKernel = major < 6 || (major === 6 && minor < 15)
const kernels = isOldKernel ? ['old'] : ['this', 'old']

/** Whatever the kernel lists first. */
function timersOf({ pid }: Tracee): string[] {
  return readFileSync(`/proc/${pid}/timers`, 'latin1')
    .split(/^(?=ID:)/m)
    .toSorted()
}

/** Runs to the next call that parts the steps; signals of timers are delivered. */
function step(tracee: Tracee): boolean {
  for (;;) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'exit') expect(stop.code).toBe(0)
    if (stop.kind === 'exit' || (stop.kind === 'syscall' && stop.entering)) return stop.kind === 'syscall'
  }
}

const cases = kernels.flatMap((kernel) => [false, true].map((detachable) => [kernel, detachable] as const))

function spawn(store: PageStore, kernel: string, detachable: boolean): Tracee {
  const args = kernel === 'old' ? ['old'] : []
  return Tracee.spawn(store, program, args, { detachable, stdio: ['ignore', 'ignore', 'ignore'] })
}

describe.each(cases)('on the %s kernel, detachable: %s', (kernel, detachable) => {
  test('a timer that was made since is deleted, and one that was deleted is there again, or that is refused', () => {
    using store = new PageStore()
    using tracee = spawn(store, kernel, detachable)
    const taken: [Snapshot, string[]][] = []
    while (step(tracee)) taken.push([tracee.capture(), timersOf(tracee)])
    expect(taken.map(([, timers]) => timers.join('').match(/^ID:/gm)?.length ?? 0)).toEqual([0, 2, 3, 0])
    for (const back of [0, 1, 3, 2, 0, 2, 1, 0]) {
      const [snapshot, timers] = taken[back]!
      if (kernel === 'old' && back > 0 && back < 3) {
        expect(errorOf(() => tracee.restore(snapshot))).toMatchObject({ code: 'ERR_TRACEE' })
        continue
      }
      tracee.restore(snapshot)
      expect(timersOf(tracee)).toEqual(timers)
      using again = tracee.capture()
      expect(again.equals(snapshot)).toBe(true)
      while (step(tracee));
    }
  })

  test('what the program has not deleted is there again, and no snapshot has what was made since', () => {
    using store = new PageStore()
    using tracee = spawn(store, kernel, detachable)
    step(tracee)
    using without = tracee.capture()
    step(tracee)
    using withTwo = tracee.capture()
    for (const snapshot of [without, withTwo, withTwo, without, without, withTwo]) {
      tracee.restore(snapshot)
      using again = tracee.capture()
      expect([again.equals(snapshot), again.key]).toEqual([true, snapshot.key])
    }
    while (step(tracee));
    tracee.restore(without)
    while (step(tracee));
  })
})
