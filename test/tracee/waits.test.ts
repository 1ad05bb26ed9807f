import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

import { PageStore, type Stop, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { build, isThere } from '../support/tracees.js'

const waits = build('waits.c')

/** Waits whose limit counts from their beginning, and two that end at a moment. */
const kinds = [
  'nanosleep',
  'clock_nanosleep',
  'poll',
  'ppoll',
  'ppoll-fixed', // what is left cannot be written where the limit is
  'pselect',
  'epoll_wait',
  'epoll_pwait',
  'epoll_pwait2',
  'sigtimedwait',
  'semtimedop',
  'recv',
  'read',
  'send',
  'accept',
  'connect',
  'futex',
  'sem_timedwait',
  'io_getevents',
  'io_uring_enter',
]

const limit = 300
const slice = 40
const ended = 0
const isMissing = 3

/** Runs it in slices until it ends: how many that took, and what came of it. */
function inSlices(tracee: Tracee, at = (): void => undefined): { slices: number; stop: Stop } {
  for (let slices = 0; ; ++slices) {
    const stop = tracee.resume({ timeout: slice })
    if (stop.kind !== 'timeout' || slices === 100) return { slices, stop }
    at()
  }
}

// The machine may be slow, and a slice long; but then there are fewer. One is for the start.
const mostSlices = Math.ceil(limit / slice) + 2

const quiet = ['ignore', 'ignore', 'inherit'] as const

test.each(kinds)('%s ends in time, however often a spawned program is interrupted', (kind) => {
  const store = new PageStore()
  for (const detachable of [false, true]) {
    for (const captures of [false, true]) {
      const tracee = Tracee.spawn(store, waits, [kind, `${limit}`], { stdio: [...quiet], detachable })
      const { slices, stop } = inSlices(
        tracee,
        () => captures && kind !== 'io_uring_enter' && tracee.capture().release(),
      )
      expect(stop.kind).toBe('exit')
      if (stop.kind === 'exit' && stop.code !== isMissing) {
        expect(stop).toMatchObject({ code: ended })
        expect(slices).toBeLessThanOrEqual(mostSlices + (captures ? 2 : 0)) // the first capture takes a while
      }
      tracee.close()
    }
  }
  store.close()
})

/** Waits until the first thread of a process sleeps in a call that it makes last. */
async function untilAsleep(pid: number): Promise<void> {
  for (let same = 0, last = ''; same < 3; ) {
    await delay(5)
    const call = readFileSync(`/proc/${pid}/syscall`, 'latin1')
    same = call === last && call !== 'running\n' ? same + 1 : 0
    last = call
  }
}

test.each(kinds)('%s ends in time in a process that was attached to in the middle of it', async (kind) => {
  const store = new PageStore()
  const child = spawn(waits, [kind, `${limit}`], { stdio: 'ignore' })
  const exit = once(child, 'exit')
  const pid = child.pid ?? 0
  await untilAsleep(pid).catch(() => undefined)
  if (isThere(pid)) {
    const tracee = Tracee.attach(store, pid)
    const { slices, stop } = inSlices(tracee)
    expect(stop.kind).toBe('exit')
    expect(slices).toBeLessThanOrEqual(mostSlices)
    tracee.detach()
  }
  expect([ended, isMissing]).toContain((await exit)[0])
  store.close()
})

test.each(kinds)('%s is interrupted by a signal that is handled, and not by one that is ignored', (kind) => {
  const store = new PageStore()
  for (const detachable of [false, true]) {
    const tracee = Tracee.spawn(store, waits, [kind, '3600000', 'handles'], { stdio: [...quiet], detachable })
    const first = tracee.resume({ timeout: slice })
    if (first.kind !== 'timeout') continue // a limit of its own, or no such call here
    for (const signal of ['SIGWINCH', 'SIGUSR1'] as const) {
      process.kill(tracee.pid, signal)
      expect(tracee.resume()).toMatchObject({ kind: 'signal', signal })
      if (signal === 'SIGUSR1') break
      expect(tracee.resume({ timeout: slice }).kind).toBe('timeout')
    }
    // In a moment that is absolute the wait is as good as any.
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 4 })
    tracee.close()
  }
  store.close()
})

// Node counts from when its loop took the time last, which may be some milliseconds ago.
const loops = [
  [
    'node',
    ['-e', 'const b = performance.now(); setTimeout(() => process.exit(performance.now() - b < 295 ? 1 : 0), 300)'],
  ],
  [
    'python3',
    [
      '-c',
      'import asyncio, time\nb = time.monotonic()\nasyncio.run(asyncio.sleep(0.3))\nexit(time.monotonic() - b < 0.299)',
    ],
  ],
] as const

test.each(loops)('a timer of %s goes off, however often it is interrupted', (file, args) => {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, file, [...args], { stdio: [...quiet] })
  let stop: Stop
  let timeouts = 0
  do {
    stop = tracee.resume({ timeout: 100 })
    timeouts += stop.kind === 'timeout' ? 1 : 0
  } while (stop.kind !== 'exit' && timeouts < 300)
  expect(stop).toMatchObject({ kind: 'exit', code: 0 })
  store.close()
})
