import { PageStore, type Stop, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { build } from '../support/tracees.js'

/** Every value that the counter can end with, found by interleaving two such threads step by step. */
function outcomes(rounds: number): { values: Set<number>; states: number } {
  interface Thread {
    round: number
    read: number | undefined
  }
  const values = new Set<number>()
  const seen = new Set<string>()
  const visit = (counter: number, threads: [Thread, Thread]) => {
    const state = JSON.stringify([counter, threads])
    if (seen.has(state)) return
    seen.add(state)
    const running = threads.filter(({ round }) => round < rounds)
    if (running.length === 0) values.add(counter)
    for (const thread of running) {
      const { round, read } = thread
      const next = read === undefined ? { round, read: counter } : { round: round + 1, read: undefined }
      const after = threads.map((each) => (each === thread ? next : each)) as [Thread, Thread]
      visit(read === undefined ? counter : read + 1, after)
    }
  }
  const start = { round: 0, read: undefined }
  visit(0, [start, { ...start }])
  return { values, states: seen.size }
}

test.each([1, 2, 3])('two threads that add %s times without a lock: all outcomes are found', (rounds) => {
  const program = build('race.c')
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, [String(rounds)])

  // The threads are started one after the other, and each runs to its first choice.
  const tids: number[] = []
  for (let stop = tracee.resume({ tid: tracee.pid }); stop.kind !== 'timeout'; ) {
    if (stop.kind === 'clone') tids.push(stop.newTid)
    stop = tracee.resume({ tid: tracee.pid, timeout: 100 })
  }
  expect(tids).toHaveLength(2)
  expect(tracee.threads).toEqual([tracee.pid, ...tids])
  const stops = new Map<number, Stop>(tids.map((tid) => [tid, tracee.resume({ tid })]))
  expect([...stops.values()].map(({ kind }) => kind)).toEqual(['choice', 'choice'])

  const { address } = tracee.symbol('counter')
  const values = new Set<number>()
  // Snapshots stay: a number is a state only while it is held.
  const seen = new Set<number>()
  const visit = (stops: Map<number, Stop>) => {
    const here = tracee.capture()
    if (seen.has(here.key)) return
    seen.add(here.key)
    const running = tids.filter((tid) => stops.get(tid)?.kind === 'choice')
    if (running.length === 0) values.add(tracee.read(address, 4).readInt32LE())
    for (const tid of running) {
      tracee.restore(here)
      const stop = tracee.resume({ tid, choose: 0 })
      expect(stop.tid).toBe(tid)
      visit(new Map(stops).set(tid, stop))
    }
  }
  visit(stops)

  const expected = outcomes(rounds)
  expect([...values].sort()).toEqual([...expected.values].sort())
  // A value read lives on in a register or on the stack after it was used: a state more for each, at most.
  expect(seen.size).toBeGreaterThanOrEqual(expected.states)
})
