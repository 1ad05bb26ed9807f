/**
 * Searches of random graphs find what plain JavaScript finds in them; and a subject may answer and throw whatever it
 * likes: the search ends, with a result or with an error that says so.
 */
import fc from 'fast-check'
import { LocalMemory, PageStore, PageStoreError, type Region, type RestorableMemory, type Snapshot } from 'pagestore'
import {
  always,
  ByteModel,
  type Bytes,
  type Exploration,
  explore,
  type Running,
  type Step,
  type Subject,
  sometimes,
} from 'pagestore/explore'
import { expect, test } from 'vitest'

import { rounded } from '../support/rounds.js'
import { valuesOfAllKinds } from '../support/wrong-kinds.js'

/** A node: the end, or where each alternative leads; nothing is a deadlock, -1 a failure. */
type Graph = ('end' | number[])[]

const graphs = fc.integer({ min: 1, max: 40 }).chain((size) => {
  const target = fc.oneof(
    { weight: 12, arbitrary: fc.nat({ max: size - 1 }) },
    { weight: 1, arbitrary: fc.constant(-1) },
  )
  const node = fc.oneof(
    { weight: 1, arbitrary: fc.constant<'end'>('end') },
    { weight: 6, arbitrary: fc.array(target, { maxLength: 4 }) },
  )
  return fc.array(node, { minLength: size, maxLength: size })
})

interface Known {
  /** How far each node that can be reached is from the start. */
  distances: Map<number, number>
  transitions: number
  deadlocks: number
  /** How far the nearest failure is, and the nearest deadlock. */
  failure: number | undefined
  deadlock: number | undefined
}

function walk(graph: Graph, mostDepth: number): Known {
  const known: Known = {
    distances: new Map([[0, 0]]),
    transitions: 0,
    deadlocks: 0,
    failure: undefined,
    deadlock: undefined,
  }
  for (const [at, distance] of known.distances) {
    const node = graph[at]!
    if (node === 'end') continue
    if (node.length === 0) {
      known.deadlocks++
      known.deadlock ??= distance
    }
    if (distance >= mostDepth) continue
    for (const next of node) {
      known.transitions++
      if (next < 0) known.failure ??= distance + 1
      else if (!known.distances.has(next)) known.distances.set(next, distance + 1)
    }
  }
  return known
}

/** A subject, and the node at which it is. */
interface Made {
  subject: Subject
  at(): number
}

function plainModel(graph: Graph): Made {
  const state = Uint8Array.of(0)
  const model: Bytes = {
    state,
    alternatives() {
      const node = graph[state[0]!]!
      return node === 'end' ? -1 : node.length
    },
    choose(alternative) {
      const next = (graph[state[0]!] as number[])[alternative]!
      if (next < 0) throw new Error('no way')
      state[0] = next
    },
  }
  return { subject: new ByteModel(model), at: () => state[0]! }
}

/** The same as an object of somebody else's, whose state lies in a memory of WebAssembly's. */
function ownSubject(graph: Graph): Made {
  let state = new Uint8Array(1)
  const step = (): Step => {
    const node = graph[state[0]!]!
    return node === 'end' ? { kind: 'end' } : { kind: 'choice', alternatives: node.length, location: 'graph' }
  }
  const subject: Subject = {
    open(store) {
      const wasm = new WebAssembly.Memory({ initial: 1 })
      state = new Uint8Array(wasm.buffer)
      const memory = new LocalMemory(store, wasm)
      return {
        memory,
        start: step,
        take(alternative) {
          const next = (graph[state[0]!] as number[])[alternative]!
          if (next < 0) return { kind: 'failure', failure: { kind: 'crash', property: 'Error: no way' } }
          state[0] = next
          return step()
        },
        close: () => memory.close(),
      }
    },
  }
  return { subject, at: () => state[0]! }
}

function lengthOf({ violations }: Exploration, kind: string): number | undefined {
  return violations.find((each) => each.kind === kind)?.choices.length
}

test('a search of a graph finds its nodes, edges, deadlocks, ends and shortest paths', async () => {
  const ways = fc.record({
    graph: graphs,
    makes: fc.constantFrom(plainModel, ownSubject),
    strategy: fc.constantFrom('breadth' as const, 'depth' as const),
    maxDepth: fc.option(fc.nat(6), { nil: undefined, freq: 2 }),
    verify: fc.boolean(),
    wanted: fc.nat(45),
  })
  await fc.assert(
    fc.asyncProperty(ways, async ({ graph, makes, strategy, maxDepth, verify, wanted }) => {
      const known = walk(graph, maxDepth ?? Number.POSITIVE_INFINITY)
      const { subject, at } = makes(graph)
      const properties = [always('is elsewhere', () => at() !== wanted), sometimes('is there', () => at() === wanted)]
      const found = await explore(subject, { strategy, maxDepth, verify, properties })
      const cut = [...known.distances].some(
        ([node, distance]) => distance >= (maxDepth ?? 99) && graph[node]!.length > 0 && graph[node] !== 'end',
      )
      expect(found).toMatchObject({
        complete: !cut,
        bound: cut ? 'depth' : undefined,
        states: known.distances.size,
        transitions: known.transitions,
        deadlocks: known.deadlocks,
      })
      expect(found.violations.filter(({ kind }) => kind === 'unfaithful')).toEqual([])
      const isReached = known.distances.has(wanted)
      expect(found.reached.length).toBe(isReached ? 1 : 0)
      const kinds = new Set(found.violations.map(({ kind }) => kind))
      expect(kinds.has('always')).toBe(isReached)
      expect(kinds.has('sometimes')).toBe(!isReached && !cut)
      expect(kinds.has('crash')).toBe(known.failure !== undefined)
      expect(kinds.has('deadlock')).toBe(known.deadlock !== undefined)
      if (strategy === 'depth') return
      expect(found.depth).toBe(Math.max(...known.distances.values()))
      expect(lengthOf(found, 'crash')).toBe(known.failure)
      expect(lengthOf(found, 'deadlock')).toBe(known.deadlock)
      expect(lengthOf(found, 'always')).toBe(known.distances.get(wanted))
    }),
    rounded(60, 3),
  )
})

/** Calls of a subject that answer something else, or throw, from the n-th on. */
const calls = [
  'open',
  'start',
  'take',
  'capture',
  'restore',
  'read',
  'regions',
  'warnings',
  'layout',
  'find',
  'nameOf',
  'declared',
  'removeMade',
  'close',
  'closeSubject',
] as const

class Thrown extends Error {}

const acts: Record<string, (world: World) => unknown> = {
  throws() {
    throw new Thrown()
  },
  'throws nothing'() {
    throw undefined
  },
  'throws an error of ours'() {
    throw new PageStoreError('ERR_OUT_OF_MEMORY', 'so it says')
  },
  'says that it is gone'() {
    throw new PageStoreError('ERR_PROCESS_GONE', 'so it says')
  },
  'throws files'() {
    throw new PageStoreError('ERR_FILES', 'so it says')
  },
  'closes the store': ({ store }) => store?.close(),
  'closes the memory': ({ memory }) => memory?.close(),
  'releases what it gave': ({ given }) => {
    for (const each of given) each.release()
  },
  'gives what was released': ({ given }) => {
    const last = given.at(-1)
    last?.release()
    return last
  },
  'gives the same again': ({ given }) => given[0],
  'gives a snapshot of another store': ({ elsewhere }) => elsewhere.capture(),
  scribbles: ({ state }) => void state.fill(Math.trunc(Math.random() * 256)),
  ends: () => ({ kind: 'end' }),
  'has very many alternatives': () => ({ kind: 'choice', alternatives: Number.MAX_SAFE_INTEGER }),
  'has none': () => ({ kind: 'choice', alternatives: 0 }),
  'fails oddly': () => ({ kind: 'failure', failure: { kind: 'assertion', property: '', detail: '\x1b' } }),
  'answers a promise': () => Promise.resolve({ kind: 'end' }),
  'answers a lie about ranges': () => [{ start: 0n, end: 2n ** 64n - 1n }],
}

interface World {
  store: PageStore | undefined
  memory: LocalMemory | undefined
  state: Uint8Array
  given: Snapshot[]
  elsewhere: LocalMemory
}

interface Fault {
  call: (typeof calls)[number]
  /** How often it is answered as it should be before that. */
  after: number
  act: string
  /** What is answered by 'answers a value'. */
  value: number
  /** Whether what should be done is done, too. */
  also: boolean
}

function faulty(graph: Graph, faults: readonly Fault[], world: World): Subject {
  const counts = new Map<string, number>()
  const odd = valuesOfAllKinds()
  function answer<T>(call: Fault['call'], proper: () => T): T {
    const count = counts.get(call) ?? 0
    counts.set(call, count + 1)
    const fault = faults.find((each) => each.call === call && each.after <= count)
    if (fault === undefined) return proper()
    if (fault.also) proper()
    if (fault.act === 'answers a value') return odd[fault.value % odd.length]![1] as T
    return acts[fault.act]!(world) as T
  }
  const made = ownSubject(graph)
  return {
    open: (store) =>
      answer('open', () => {
        world.store = store
        const inner = made.subject.open(store)
        const memory = inner.memory as LocalMemory
        world.memory = memory
        const wrapped = {
          capture: () =>
            answer('capture', () => {
              const snapshot = memory.capture()
              world.given.push(snapshot)
              return snapshot
            }),
          restore: (snapshot: Snapshot) => answer('restore', () => memory.restore(snapshot)),
          read: (address: bigint, length: number) => answer('read', () => memory.read(address, length)),
          get regions(): readonly Region[] {
            return answer('regions', () => memory.regions)
          },
          tracker: 'none' as const,
          ignore: () => {},
          track: () => {},
          close: () => memory.close(),
          [Symbol.dispose]: () => memory.close(),
        } satisfies RestorableMemory
        const layout: NonNullable<Running['layout']> = {
          hidesUnnamed: false,
          find: () => answer('find', () => ({ address: 0n, size: 1 })),
          nameOf: (address) => answer('nameOf', () => ({ name: 'node', offset: Number(address), size: 65536 })),
          declared: () => answer('declared', () => []),
        }
        return {
          memory: wrapped,
          start: () => answer('start', () => inner.start()),
          take: (alternative: number) => answer('take', () => inner.take(alternative)),
          get layout() {
            return answer('layout', () => layout)
          },
          get warnings() {
            return answer('warnings', () => ['so'])
          },
          removeMade: () => answer('removeMade', () => undefined),
          close: () => answer('close', () => inner.close()),
        }
      }),
    close: () => answer('closeSubject', () => undefined),
  }
}

const fault = fc.record({
  call: fc.constantFrom(...calls),
  after: fc.nat(12),
  act: fc.constantFrom(...Object.keys(acts), ...Array(8).fill('answers a value')),
  value: fc.nat(1000),
  also: fc.boolean(),
})

test('a subject may answer and throw what it likes, at any call', async () => {
  const options = fc.record({
    strategy: fc.constantFrom('breadth' as const, 'depth' as const, 'random' as const),
    verify: fc.boolean(),
    first: fc.boolean(),
    seed: fc.nat(),
  })
  await fc.assert(
    fc.asyncProperty(
      graphs,
      fc.array(fault, { minLength: 1, maxLength: 3 }),
      options,
      async (graph, faults, options) => {
        using other = new PageStore()
        const world: World = {
          store: undefined,
          memory: undefined,
          state: new Uint8Array(1),
          given: [],
          elsewhere: new LocalMemory(other, new Uint8Array(8)),
        }
        try {
          const properties = [always('is read', (state) => state.uint8('node') < 300)]
          const found = await explore(faulty(graph, faults, world), {
            ...options,
            properties,
            maxStates: 200,
            maxTransitions: 400,
          })
          expect(found.transitions).toBeLessThanOrEqual(400)
          for (const { kind, property, choices } of found.violations) {
            expect([typeof kind, typeof property, choices.every(Number.isSafeInteger)]).toEqual([
              'string',
              'string',
              true,
            ])
          }
          expect(found.warnings.every((each) => typeof each === 'string')).toBe(true)
        } catch (error) {
          // Of the subject what it threw, in our words or as it was; of ours nothing else.
          if (error !== undefined && !(error instanceof Thrown)) expect(error).toBeInstanceOf(PageStoreError)
        } finally {
          world.memory?.close()
          world.elsewhere.close()
        }
      },
    ),
    rounded(100, 20),
  )
})
