// A call is reported once before it is made and once after, however often it is interrupted; and each call of a program
// that makes the same one again and again is reported.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

import { PageStore, type ResumeOptions, type Stop, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const repeats = build('repeats.c')
const stranger = build('stranger.c')
const { SIGSTOP, SIGCONT, SIGUSR1, SIGWINCH } = constants.signals

/** Calls that the kernel makes again by itself, goes on with by another call, or lets fail. */
const kinds = ['ppoll', 'epoll_pwait', 'nanosleep', 'futex', 'recvfrom', 'read', 'rt_sigtimedwait']

interface Case {
  detachable?: boolean
  args?: string[]
  count?: number
}

/** Where the first thread is about to make its calls. */
function start(store: PageStore, kind: string, { detachable = false, args = [], count = 100 }: Case = {}): Tracee {
  const stdio = ['ignore', 'ignore', 'inherit'] as const
  const tracee = Tracee.spawn(store, repeats, [kind, `${count}`, ...args], { stdio: [...stdio], detachable })
  const stop = tracee.resume({ until: { syscall: ['getppid'] } })
  if (stop.kind === 'clone') expect(tracee.resume({ until: { syscall: ['getppid'] } }).kind).toBe('syscall')
  return tracee
}

/** Runs it to its end; `at` is told of each stop and says how to go on. */
function count(tracee: Tracee, kind: string, at: (stop?: Stop) => ResumeOptions): { entries: number; exits: number } {
  const counts = { entries: 0, exits: 0 }
  for (let stop: Stop | undefined; stop?.kind !== 'exit'; ) {
    stop = tracee.resume({ until: { syscall: [kind] }, ...at(stop) })
    if (stop.kind === 'syscall' && stop.name === kind) ++counts[stop.entering ? 'entries' : 'exits']
    // The other thread may have stopped for what was asked for before.
    else expect(stop.kind === 'syscall' ? stop.name : stop.kind).toMatch(/^(getppid|timeout|signal|thread-exit|exit)$/)
  }
  return counts
}

const strangers: [string, number[], string[]][] = [
  ['nobody', [], []],
  ['stops and continues', [SIGSTOP, SIGCONT], []],
  ['a signal that is ignored', [SIGWINCH], []],
  ['a signal with a handler', [SIGUSR1], ['handles']],
]

for (const [name, signals, args] of strangers) {
  test.each(kinds)(`each %s is reported once before and after it, though we interrupt it, and ${name}`, (kind) => {
    using store = new PageStore()
    for (const detachable of [false, true]) {
      using tracee = start(store, kind, { detachable, args })
      const other = spawn(stranger, [`${tracee.pid}`, ...signals.map(String)], { stdio: 'ignore' })
      const found = count(tracee, kind, () => ({ timeout: 1 }))
      other.kill('SIGKILL')
      expect(found).toEqual({ entries: 100, exits: 100 })
    }
  })
}

test('a thousand calls are a thousand, though a stranger sends all kinds of signals', () => {
  using store = new PageStore()
  using tracee = start(store, 'ppoll', { args: ['restart'], count: 1000 })
  const signals = [SIGSTOP, SIGCONT, SIGUSR1, SIGWINCH].map(String)
  const other = spawn(stranger, [`${tracee.pid}`, ...signals], { stdio: 'ignore' })
  let last: string | undefined
  const found = count(tracee, 'ppoll', (stop) => {
    if (stop?.kind === 'syscall') {
      const now = `${stop.entering}`
      expect(now).not.toBe(last) // an entry and an exit by turns
      last = now
    }
    return { timeout: 1, ...(stop?.kind === 'signal' && stop.signal === 'SIGWINCH' ? { signal: 'none' } : {}) }
  })
  other.kill('SIGKILL')
  expect(found).toEqual({ entries: 1000, exits: 1000 })
})

test('a call that is made again after a handler is a further one, after its exit', () => {
  using store = new PageStore()
  using tracee = start(store, 'read', { args: ['restart'] })
  const handled = tracee.symbol('handled').address
  const other = spawn(stranger, [`${tracee.pid}`, `${SIGUSR1}`], { stdio: 'ignore' })
  let times = 0
  const { entries, exits } = count(tracee, 'read', () => {
    times = tracee.read(handled, 4).readInt32LE()
    return {}
  })
  other.kill('SIGKILL')
  expect(times).toBeGreaterThan(10)
  expect(exits).toBe(entries)
  expect(entries).toBeGreaterThan(100)
  expect(entries).toBeLessThanOrEqual(100 + times + 1)
})

test.each(kinds)('no %s is reported twice where the program is run on without a stop at it meanwhile', (kind) => {
  using store = new PageStore()
  for (const detachable of [false, true]) {
    using tracee = start(store, kind, { detachable })
    const made = tracee.symbol('made').address
    const seen: number[] = []
    for (let i = 0, stop: Stop | undefined; stop?.kind !== 'exit'; ++i) {
      stop = i % 2 === 0 ? tracee.resume({ until: { syscall: [kind] }, timeout: 1 }) : tracee.runFor(1)
      if (stop.kind === 'syscall' && stop.entering) seen.push(tracee.read(made, 4).readInt32LE())
    }
    expect(seen.length).toBeGreaterThan(10)
    expect(new Set(seen).size).toBe(seen.length)
  }
})

// What a read takes from a timer's descriptor does not come back.
test.each(kinds.filter((kind) => kind !== 'read'))('nor after a rollback into the middle of a %s', (kind) => {
  using store = new PageStore()
  for (const detachable of [false, true]) {
    using tracee = start(store, kind, { detachable, count: 40 })
    let step = 0
    const found = count(tracee, kind, () => {
      using here = tracee.capture()
      ++step
      for (let i = 0; i < step % 4; ++i) {
        if (tracee.resume({ until: { syscall: [kind] }, timeout: 1 }).kind === 'exit') break
      }
      if (step % 4 > 0) tracee.restore(here)
      return { timeout: step % 3 }
    })
    expect(found).toEqual({ entries: 40, exits: 40 })
  }
})

test.each(['ppoll', 'nanosleep', 'futex', 'read'])('each %s of two threads is reported once', (kind) => {
  using store = new PageStore()
  using tracee = start(store, kind, { args: ['handles', 'two'], count: 50 })
  const other = spawn(stranger, [`${tracee.pid}`, `${SIGUSR1}`, `${SIGSTOP}`, `${SIGCONT}`], { stdio: 'ignore' })
  const found = count(tracee, kind, () => ({ timeout: 1 }))
  other.kill('SIGKILL')
  expect(found).toEqual({ entries: 100, exits: 100 })
})
