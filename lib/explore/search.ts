import { PageStoreError } from '../errors.js'
import { type PageStore, pageSize } from '../page-store.js'
import type { Snapshot } from '../snapshot.js'
import type { Bound, Progress, Violation, ViolationKind } from './exploration.js'
import { createQueue, createStack, type Frontier, type Node } from './frontier.js'
import type { Property } from './property.js'
import { createRandom } from './random.js'
import { createStateView } from './state.js'
import type { Failure, Running, Step } from './subject.js'

/** What is gone on from next: the nearest state, the latest, or a walk at random. */
export type Strategy = 'breadth' | 'depth' | 'random'

export interface SearchOptions {
  strategy: Strategy
  properties: readonly Property[]
  maxDepth: number
  maxStates: number
  maxTransitions: number
  maxSeconds: number
  maxBytes: number
  first: boolean
  allowDeadlock: boolean
  seed: number
  /** Whether what is needed to verify is kept. */
  verify: boolean
}

/** Two ways to a state, of which the second was not gone on from. */
export interface Sample {
  state: number
  snapshot: Snapshot
  ways: number
  /** The way to it. */
  choices: readonly number[]
}

export interface Search {
  /** Goes on until there is nothing left, or a bound is met (then `bound` says so), or `enough` says that it is time. */
  run(enough: () => boolean): void
  readonly isOver: boolean
  readonly bound: Bound | undefined
  progress(): Progress
  readonly deadlocks: number
  readonly violations: Violation[]
  readonly reached: Map<string, readonly number[]>
  /** The first state of all. */
  readonly start: Snapshot
  readonly first: Step
  readonly samples: readonly Sample[]
  /** Where the ways from a state have led: the same text means the same. */
  successors(state: number): readonly string[]
  /** What a step is remembered by. */
  labelOf(step: Step, key?: number): string
  wayTo(state: number): number[]
}

const mostSamples = 128
const tableBytes = 64
// The store is asked for its size every so many transitions.
const often = 64

/**
 * Every way from the start, each state once. Two states are one if their keys are equal, which is exact: a key is held
 * for as long as it is listed, so that it names nothing else. Snapshots are held until their state is expanded.
 */
export function createSearch(store: PageStore, running: Running, options: SearchOptions): Search {
  const { memory } = running
  const isRandom = options.strategy === 'random'
  const frontier: Frontier = options.strategy === 'depth' ? createStack() : createQueue()
  const random = createRandom(options.seed)
  const view = createStateView(memory, running.layout)
  const began = performance.now()
  // Of each state: how it is recognised, who holds that, the way to it, how far it is.
  const stateOfKey = new Map<number, number>()
  const holders: Snapshot[] = []
  const parents: number[] = []
  const choices: number[] = []
  const depths: number[] = []
  const labels: string[][] = []
  // Not expanded for being too far away.
  const cut = new Map<number, number>()

  const violations = new Map<string, Violation>()
  const reached = new Map<string, readonly number[]>()
  const pending = new Set(options.properties)
  const samples: Sample[] = []
  let seen = 0
  let transitions = 0
  let deepest = 0
  let deadlocks = 0
  let bound: Bound | undefined
  /** Whose snapshot the memory is equal to. */
  let at: Snapshot | undefined

  function wayTo(state: number): number[] {
    const way: number[] = []
    for (let each = state; parents[each] !== -1; each = parents[each] ?? -1) way.push(choices[each] ?? 0)
    return way.reverse()
  }

  function violate(kind: ViolationKind, property: string, way: () => number[], length: number, more?: Failure): void {
    const name = `${kind}\0${property}`
    const known = violations.get(name)
    if (known !== undefined && known.choices.length <= length) return
    const choices = way()
    if (known !== undefined && known.choices.length <= choices.length) return
    violations.set(name, { kind, property, choices, place: more?.place, detail: more?.detail })
    if (options.first) bound = 'first'
  }

  function look(step: Step, state: number, depth: number): void {
    view.moved(step, depth)
    for (const property of pending) {
      let holds: boolean
      try {
        holds = property.holds(view.state)
      } catch (error) {
        if (error instanceof Error) error.message = `in "${property.name}": ${error.message}`
        throw error
      }
      if (property.kind === 'always' && !holds) {
        violate('always', property.name, () => wayTo(state), depth)
        // Nothing shorter comes.
        if (options.strategy === 'breadth') pending.delete(property)
      } else if (property.kind === 'sometimes' && holds) {
        reached.set(property.name, wayTo(state))
        pending.delete(property)
      }
    }
    if (step.kind !== 'choice' || step.ways > 0) return
    deadlocks++
    if (!options.allowDeadlock) {
      violate(
        'deadlock',
        step.place === undefined ? 'no way on' : `no way on at ${step.place}`,
        () => wayTo(state),
        depth,
      )
    }
  }

  /** A state that was not there before. */
  function add(key: number, snapshot: Snapshot, parent: number, way: number, depth: number): number {
    const state = holders.length
    stateOfKey.set(key, state)
    holders.push(snapshot)
    parents.push(parent)
    choices.push(way)
    depths.push(depth)
    if (depth > deepest) deepest = depth
    return state
  }

  function put(step: Step, snapshot: Snapshot, state: number, depth: number, isAgain: boolean): void {
    const ways = step.kind === 'choice' ? step.ways : 0
    if (ways > 0 && depth >= options.maxDepth) {
      cut.set(state, ways)
    } else if (ways > 0) {
      cut.delete(state)
      frontier.put({ snapshot, state, ways, depth, next: 0, isAgain })
      return
    }
    if (holders[state] === snapshot) snapshot.keepKey()
    else snapshot.release()
  }

  function begin(step: Step): Snapshot {
    const snapshot = memory.capture()
    // One that stays whole: a trace begins there.
    const first = memory.capture()
    at = snapshot
    firstWays = step.kind === 'choice' ? step.ways : 0
    add(first.key, first, -1, 0, 0)
    look(step, 0, 0)
    put(step, snapshot, 0, 0, false)
    return first
  }

  function keepSample(sample: () => Sample): boolean {
    seen++
    if (samples.length < mostSamples) {
      samples.push(sample())
      return true
    }
    // Each of those that were seen is as likely to stay (Vitter's algorithm R).
    const place = Math.floor(random() * seen)
    if (place >= mostSamples) return false
    samples[place]?.snapshot.release()
    samples[place] = sample()
    return true
  }

  function meetAgain(step: Step, snapshot: Snapshot, state: number, from: Node, way: number): void {
    const depth = from.depth + 1
    // Depth first with a bound: from nearer by, more can be reached. What was expanded is counted already.
    if (options.strategy === 'depth' && options.maxDepth < Number.POSITIVE_INFINITY && depth < (depths[state] ?? 0)) {
      depths[state] = depth
      parents[state] = from.state
      choices[state] = way
      at = snapshot
      put(step, snapshot, state, depth, !cut.has(state))
      return
    }
    const ways = step.kind === 'choice' ? step.ways : 0
    const isKept =
      options.verify && ways > 0 && keepSample(() => ({ state, snapshot, ways, choices: [...wayTo(from.state), way] }))
    if (!isKept) snapshot.release()
  }

  function labelOf(step: Step, key?: number): string {
    if (step.kind === 'failure') return `${step.failure.kind} ${step.failure.property}`
    return String((key === undefined ? undefined : stateOfKey.get(key)) ?? 'a state that the search has not seen')
  }

  function expand(node: Node): void {
    const way = node.next++
    if (at !== node.snapshot) memory.restore(node.snapshot)
    at = undefined
    const step = running.go(way)
    if (!node.isAgain) transitions++
    const depth = node.depth + 1
    if (step.kind === 'failure') {
      const { failure } = step
      violate(failure.kind, failure.property, () => [...wayTo(node.state), way], depth, failure)
      if (options.verify) note(node, way, labelOf(step))
      return
    }
    const snapshot = memory.capture()
    const { key } = snapshot
    let state = stateOfKey.get(key)
    if (state === undefined) {
      state = add(key, snapshot, node.state, way, depth)
      at = snapshot
      look(step, state, depth)
      put(step, snapshot, state, depth, false)
    } else {
      meetAgain(step, snapshot, state, node, way)
    }
    if (options.verify) note(node, way, String(state))
  }

  function note(node: Node, way: number, label: string): void {
    const of = labels[node.state] ?? []
    of[way] = label
    labels[node.state] = of
  }

  let walk: Node | undefined
  const wandered: number[] = []
  /** One more step of a way from the start at random. */
  function wander(): void {
    if (walk === undefined) {
      memory.restore(start)
      walk = { snapshot: start, state: 0, ways: firstWays, depth: 0, next: 0, isAgain: false }
    }
    const way = Math.floor(random() * walk.ways)
    wandered.push(way)
    const step = running.go(way)
    transitions++
    const depth = walk.depth + 1
    if (step.kind === 'failure') {
      const { failure } = step
      violate(failure.kind, failure.property, () => [...wandered], depth, failure)
      walk = undefined
    } else {
      const snapshot = memory.capture()
      let state = stateOfKey.get(snapshot.key)
      if (state === undefined) {
        state = add(snapshot.key, snapshot, walk.state, way, depth)
        look(step, state, depth)
        snapshot.keepKey()
      } else {
        snapshot.release()
      }
      const ways = step.kind === 'choice' ? step.ways : 0
      walk = ways === 0 || depth >= options.maxDepth ? undefined : { ...walk, state, ways, depth }
    }
    if (walk === undefined) wandered.length = 0
  }

  /** Whether a bound is met. What is counted is looked at each time, what is measured now and then. */
  function isBounded(turn: number): boolean {
    if (bound !== undefined) return true
    if (holders.length >= options.maxStates) bound = 'states'
    else if (transitions >= options.maxTransitions) bound = 'transitions'
    else if ((performance.now() - began) / 1000 >= options.maxSeconds) bound = 'seconds'
    else if (turn % often === 0 && bytesOf(store) - bytesBefore > options.maxBytes) bound = 'bytes'
    return bound !== undefined
  }

  let isOver = false
  let turn = 0
  let firstWays = 0
  const firstStep = running.start()
  const start = begin(firstStep)
  // What the subject is from the start belongs to no state.
  const bytesBefore = bytesOf(store)

  function isDone(): boolean {
    if (isRandom) return firstWays === 0 || options.maxDepth === 0
    for (let node = frontier.current(); node !== undefined; node = frontier.current()) {
      if (node.next < node.ways) return false
      frontier.drop()
      if (holders[node.state] === node.snapshot) node.snapshot.keepKey()
      else node.snapshot.release()
    }
    return true
  }

  return {
    run(enough) {
      while (!isOver) {
        if (isDone()) {
          isOver = true
          if (cut.size > 0) bound ??= 'depth'
        } else if (isBounded(turn++)) {
          isOver = true
        } else if (isRandom) {
          tryTo(wander, () => [...wandered])
        } else {
          const node = frontier.current()
          if (node !== undefined)
            tryTo(
              () => expand(node),
              () => [...wayTo(node.state), node.next - 1],
            )
        }
        if (enough()) return
      }
    },
    get isOver() {
      return isOver
    },
    get bound() {
      return bound
    },
    progress() {
      return {
        states: holders.length,
        transitions,
        depth: deepest,
        queue: isRandom ? 0 : frontier.size,
        seconds: (performance.now() - began) / 1000,
        bytesPerState: Math.round((bytesOf(store) - bytesBefore) / holders.length),
      }
    },
    get deadlocks() {
      return deadlocks
    },
    get violations() {
      return [...violations.values()]
    },
    reached,
    start,
    first: firstStep,
    samples,
    successors: (state) => labels[state] ?? [],
    labelOf,
    wayTo,
  }

  /**
   * A store that is full ends the search as any other bound does. So does the end of a program that was killed: what it
   * was about is a violation, for it may have been the program's own doing.
   */
  function tryTo(go: () => void, path: () => number[]): void {
    try {
      go()
    } catch (error) {
      if (!(error instanceof PageStoreError)) throw error
      at = undefined
      walk = undefined
      if (error.code === 'ERR_OUT_OF_MEMORY') {
        bound = 'bytes'
      } else if (error.code === 'ERR_PROCESS_GONE') {
        violate('crash', 'the program was killed, by somebody or by itself', path, 0)
        bound = 'gone'
      } else {
        throw error
      }
    }
  }
}

/** What a store holds: pages, page tables, and what it takes to find them. */
function bytesOf(store: PageStore): number {
  const { pages, tables, keys, bookkeepingBytes } = store.stats()
  return pages * pageSize + (tables + keys) * tableBytes + bookkeepingBytes
}
