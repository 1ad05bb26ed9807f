import { setTimeout as delay } from 'node:timers/promises'

import { ByteModel, type Bytes, type ExploreOptions, explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { buildExample } from '../support/examples.js'
import { isThere } from '../support/tracees.js'

// A number of 32 bits to which each step adds a power of two, or its square: as good as endless.
function endless(): Bytes {
  const state = new Uint32Array(1)
  return {
    state: new Uint8Array(state.buffer),
    alternatives: () => 8,
    choose: (alternative) => {
      state[0] = (state[0] ?? 0) * 3 + 2 ** alternative
    },
  }
}

describe.each(['breadth', 'depth', 'random'] as const)('%s', (strategy) => {
  test.each<[ExploreOptions, string]>([
    [{ maxStates: 100 }, 'states'],
    [{ maxTransitions: 1000 }, 'transitions'],
    [{ maxSeconds: 0.2 }, 'seconds'],
    [{ maxBytes: 1e6 }, 'bytes'],
  ])('a search that is bounded (%j) says so', async (bounds, bound) => {
    const found = await explore(new ByteModel(endless()), { strategy, ...bounds, maxDepth: 100_000 })
    expect(found).toMatchObject({ complete: false, bound, violations: [] })
    if (bounds.maxStates !== undefined) expect(found.states).toBe(100)
    if (bounds.maxTransitions !== undefined) expect(found.transitions).toBe(1000)
  })
})

test('a bound that is not met does not count', async () => {
  const found = await explore(new Program(buildExample('models/wolf')), {
    maxDepth: 8,
    maxStates: 11,
    maxTransitions: 21,
    maxSeconds: 1000,
    maxBytes: 1e12,
  })
  expect(found).toMatchObject({ complete: true, states: 10, transitions: 20 })
  expect(found.bound).toBe(undefined)
})

test('bounded in depth, depth first sees what breadth first sees', async () => {
  const program = buildExample('models/puzzle', ['-DROWS=2'])
  for (const maxDepth of [0, 1, 5, 12, 20]) {
    const breadth = await explore(new Program(program), { maxDepth })
    const depth = await explore(new Program(program), { maxDepth, strategy: 'depth' })
    expect(depth).toMatchObject({ states: breadth.states, transitions: breadth.transitions, bound: 'depth' })
    expect(breadth).toMatchObject({ bound: 'depth', depth: maxDepth })
  }
})

test('random walks with one seed are the same, and with another are others', async () => {
  const walk = (seed: number) =>
    explore(new Program(buildExample('models/hanoi', ['-DN=5'])), {
      strategy: 'random',
      seed,
      maxDepth: 50,
      maxTransitions: 500,
    })
  const [one, again, other] = [await walk(1), await walk(1), await walk(2)]
  expect(again).toMatchObject({ states: one.states, depth: one.depth })
  expect(other.states).not.toBe(one.states)
  expect(one.complete).toBe(false)
})

test('random walks find a violation, and the path leads there', async () => {
  const found = await explore(new Program(buildExample('bugs/ring')), { strategy: 'random', seed: 5, first: true })
  expect(found).toMatchObject({ bound: 'first', violations: [{ kind: 'assertion' }] })
  expect(found.violations[0]?.steps).toHaveLength(found.violations[0]?.choices.length ?? 0)
})

test('the first violation ends the search if it is asked to', async () => {
  const found = await explore(new Program(buildExample('bugs/ring')), { first: true })
  expect(found).toMatchObject({ complete: false, bound: 'first', violations: [{ choices: [0, 0, 0, 0, 1] }] })
})

test('an aborted search says what it has, and nothing is left of the program', async () => {
  const stop = new AbortController()
  let turns = 0
  let pid = 0
  const subject = new Program(buildExample('models/puzzle'))
  const open = subject.open.bind(subject)
  subject.open = (store) => {
    const running = open(store)
    pid = running.memory.pid
    return running
  }
  const ticking = setInterval(() => turns++, 10)
  // Before the whole puzzle is known the event loop has its turns.
  const found = await explore(subject, {
    signal: stop.signal,
    onProgress({ states }) {
      expect(states).toBeGreaterThan(0)
      if (states > 10 && turns > 2) stop.abort()
    },
  })
  clearInterval(ticking)
  expect(found).toMatchObject({ complete: false, bound: 'aborted' })
  expect(found.states).toBeGreaterThan(10)
  await delay(20)
  expect(isThere(pid)).toBe(false)
})

test('what makes no sense is refused', async () => {
  const refused = (options: unknown) =>
    expect(explore(new ByteModel(endless()), options as ExploreOptions)).rejects.toMatchObject({
      code: 'ERR_ARGUMENT_TYPE',
    })
  await refused({ strategy: 'sideways' })
  await refused({ strategy: 'random' })
  await refused({ maxStates: -1 })
  await refused({ maxDepth: '3' })
  await refused(null)
})
