import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

import { PageStore, ProcessMemory, type Stop, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { refused } from '../support/refused.js'
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
].filter((kind) => !isRefused(kind))

/** Nobody knows the time limit of a socket whose descriptor we may not have. */
function isRefused(kind: string): boolean {
  if (kind === 'io_uring_enter') return refused.has('io_uring_setup')
  return refused.has('pidfd_getfd') && ['recv', 'read', 'send', 'accept', 'connect'].includes(kind)
}

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

/** Lets it run until it is in its wait; false if it ends. */
function isInWait(tracee: Tracee): boolean {
  for (;;) {
    if (tracee.resume({ timeout: slice }).kind !== 'timeout') return false
    const waits = tracee.read(tracee.symbol('waits').address, 4).readInt32LE()
    if (waits === 1 && tracee.systemCall() !== undefined) return true
  }
}

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
    if (!isInWait(tracee)) continue // a limit of its own, or no such call here
    for (const signal of ['SIGWINCH', 'SIGUSR1'] as const) {
      process.kill(tracee.pid, signal)
      expect(tracee.resume({ timeout: 3_600_000 })).toMatchObject({ kind: 'signal', signal })
      if (signal === 'SIGUSR1') break
      expect(tracee.resume({ timeout: slice }).kind).toBe('timeout')
    }
    // In a moment that is absolute the wait is as good as any.
    expect(tracee.resume({ timeout: 3_600_000 })).toMatchObject({ kind: 'exit', code: 4 })
    tracee.close()
  }
  store.close()
})

/** Runs it until its wait has lasted a while, whether it runs in a slice or not. */
function waitFor(tracee: Tracee, milliseconds: number): void {
  const began = performance.now()
  while (performance.now() - began < milliseconds) expect(tracee.resume({ timeout: slice }).kind).toBe('timeout')
}

test.each([...kinds, 'pause'])(
  '%s is ended by a signal that comes while a call of ours is made, or after a rollback',
  (kind) => {
    const store = new PageStore()
    for (const detachable of [false, true]) {
      const tracee = Tracee.spawn(store, waits, [kind, '3600000', 'handles'], { stdio: [...quiet], detachable })
      if (!isInWait(tracee) || kind === 'io_uring_enter') continue
      process.kill(tracee.pid, 'SIGUSR1')
      const waiting = tracee.capture() // for the first one the program makes calls
      for (let i = 0; i < 3; ++i) {
        expect(tracee.resume({ timeout: 3_600_000 })).toMatchObject({ kind: 'signal', signal: 'SIGUSR1' })
        expect(tracee.resume({ timeout: 3_600_000 })).toMatchObject({ kind: 'exit', code: 4 })
        tracee.restore(waiting)
        process.kill(tracee.pid, 'SIGUSR1')
      }
      tracee.close()
    }
    store.close()
  },
)

const inTheMiddle = ['nanosleep', 'poll', 'futex', 'epoll_wait', 'epoll_pwait2', 'sigtimedwait', 'recv']
  .filter((kind) => !isRefused(kind))
  .map((kind) => [kind, false] as const)

// One that is detachable stops at each call, and so where an interrupted one ends.
test.each([...inTheMiddle, ['futex', true] as const])(
  'a snapshot in the middle of %s has the time that was left then (detachable: %s)',
  (kind, detachable) => {
    const store = new PageStore()
    const long = 2400
    const tracee = Tracee.spawn(store, waits, [kind, `${long}`], { stdio: [...quiet], detachable })
    tracee.capture().release()
    expect(isInWait(tracee)).toBe(true)
    waitFor(tracee, long / 2)
    const waiting = tracee.capture()
    waitFor(tracee, slice)
    const later = tracee.capture()
    expect(later.equals(waiting)).toBe(true) // but for the time
    for (let i = 0; i < 2; ++i) {
      tracee.restore(waiting)
      const again = tracee.capture()
      expect(again.equals(waiting)).toBe(true)
      again.release()
      const { slices, stop } = inSlices(tracee)
      expect(stop).toMatchObject({ kind: 'exit', code: ended })
      expect(slices).toBeLessThanOrEqual(long / 2 / slice + 2)
    }
    store.close()
  },
)

test.each(kinds)('%s ends in a process that is observed in the middle of it, however often', async (kind) => {
  const store = new PageStore()
  const child = spawn(waits, [kind, `${limit}`], { stdio: 'ignore' })
  let code: number | undefined
  const exit = once(child, 'exit').then(([number]) => {
    code = number
  })
  const memory = new ProcessMemory(store, child.pid ?? 0, { tracker: 'none' })
  let captures = 0
  for (; code === undefined && captures < 100; ++captures) {
    try {
      memory.capture().release()
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_PROCESS_GONE' })
    }
    await delay(slice)
  }
  // It takes a while to begin; but a wait that begins anew each time never ends.
  expect(captures).toBeLessThan(100)
  await exit
  expect([ended, isMissing]).toContain(code)
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
